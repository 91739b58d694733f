package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAccounts(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { testAccounts(t, filepath.Join(t.TempDir(), "accounts.db")) })
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := os.Getenv("BEARER_POSTGRES_DSN")
		if dsn == "" && os.Getenv("BEARER_INTEGRATION") != "" {
			t.Fatal("BEARER_POSTGRES_DSN is not set")
		}
		if dsn == "" {
			t.Skip("BEARER_POSTGRES_DSN is not set")
		}
		testAccounts(t, dsn)
	})
}

func testAccounts(t *testing.T, db string) {
	// A server's database may have the accounts of an earlier run.
	name := "u" + strings.ToLower(rand.Text())
	const password, other = "correct horse", "battery staple"
	for _, step := range []struct {
		in, want string // want: in the output; !: in the error
		args     []string
	}{
		{"short\n", "!not a password", []string{"create", name}},
		{password + "\n", "private token, shown this once: ", []string{"create", name, "admin", "user"}},
		{password + "\n", "!taken", []string{"create", strings.ToUpper(name)}},
		{"", "\tenabled\tadmin,user\targon2id m=19456 t=2 p=1", []string{"list"}},
		{other + "\r\n", "", []string{"password", name}},
		{"short", "!not a password", []string{"password", name}},
		{"", "private token, shown this once: ", []string{"token", name}},
		{"", "", []string{"disable", name}},
		{"", "\tdisabled\t", []string{"list"}},
		{"", "", []string{"enable", name}},
		{"", "!no such account", []string{"disable", name + "x"}},
		{"", "!usage", []string{"disable"}},
		{"", "!usage", []string{"list", name}},
		{"", "!usage", []string{"remove", name}},
		{"", "!usage", nil},
	} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"-db", db}, step.args...), strings.NewReader(step.in), &out)
		want, refused := strings.CutPrefix(step.want, "!")
		switch {
		case refused && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want %q", step.args, err, want)
		case !refused && err != nil:
			t.Errorf("%s: %v", step.args, err)
		case !refused && !strings.Contains(out.String(), want):
			t.Errorf("%s: %q, want %q", step.args, out.String(), want)
		}
		if err != nil && (strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "short")) {
			t.Errorf("%s: the error shows a password", step.args)
		}
	}
}
