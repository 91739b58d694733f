package accounts_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/bearertest"
)

func openFile(t testing.TB, path string) *accounts.FileStore {
	t.Helper()
	s, err := accounts.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFileStoreConforms(t *testing.T) {
	bearertest.AccountStore(t, func(t *testing.T) accounts.AdminStore {
		return openFile(t, filepath.Join(t.TempDir(), "accounts.json"))
	})
}

// A reopened store reads the file anew whenever it is asked.
type reopened struct {
	*accounts.FileStore
	path string
}

func (s reopened) Lookup(ctx context.Context, login string) (*accounts.Record, error) {
	fresh, err := accounts.OpenFile(s.path)
	if err != nil {
		return nil, err
	}
	return fresh.Lookup(ctx, login)
}

func (s reopened) List(ctx context.Context, after string, limit int) ([]*accounts.Record, error) {
	fresh, err := accounts.OpenFile(s.path)
	if err != nil {
		return nil, err
	}
	return fresh.List(ctx, after, limit)
}

func TestFileStoreConformsWhenItIsReopened(t *testing.T) {
	bearertest.AccountStore(t, func(t *testing.T) accounts.AdminStore {
		path := filepath.Join(t.TempDir(), "accounts.json")
		return reopened{openFile(t, path), path}
	})
}

// fileRecord is an account with every member.
func fileRecord(t testing.TB) *accounts.Record {
	t.Helper()
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	return &accounts.Record{
		Account: bearer.Account{
			ID: "1087", UserName: "Tom", Name: "Tom", Email: "tom@example.org", Website: "https://example.org", DNS: "example.org", Locale: "en-IN",
			Culture: "en-GB", TimeZone: kolkata, Roles: []string{"clerk"}, Scopes: []string{"read"}, Profile: map[string]int{"desk": 7},
		},
		Login: "tom", PasswordHash: "$hash", PrivateToken: [32]byte{1}, Disabled: true,
	}
}

const (
	tomJSON = `{"id":"1087","login":"tom","userName":"Tom","name":"Tom","email":"tom@example.org","website":"https://example.org","dns":"example.org",` +
		`"locale":"en-IN","culture":"en-GB","timeZone":"Asia/Kolkata","roles":["clerk"],"scopes":["read"],"profile":{"desk":7},` +
		`"passwordHash":"$hash","privateToken":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","disabled":true}`
	amyJSON = `{"id":"7","login":"amy","userName":"","passwordHash":"","privateToken":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`
)

// Another version of this package reads what this one writes.
func TestFileStoreWritesThisForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.json")
	s := openFile(t, path)
	expectFile(t, path, `{"version":1,"accounts":[]}`+"\n")
	for _, r := range []*accounts.Record{fileRecord(t), {Account: bearer.Account{ID: "7"}, Login: "amy"}} {
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	expectFile(t, path, `{"version":1,"accounts":[`+amyJSON+`,`+tomJSON+`]}`+"\n")
	if r, err := openFile(t, path).Lookup(t.Context(), "tom"); err != nil || r.Email != "tom@example.org" {
		t.Errorf("%v, %v", r, err)
	}
}

func expectFile(t testing.TB, path, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || string(text) != want {
		t.Errorf("the file holds\n%s, %v, want\n%s", text, err, want)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the file has the mode %o, want 600", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("other files beside it: %v, %v", entries, err)
	}
}

func TestFileStoreRefuses(t *testing.T) {
	const secret = "sekrit"
	file := func(accounts ...string) string {
		return `{"version":1,"accounts":[` + strings.Join(accounts, ",") + `]}`
	}
	tests := []struct{ name, text string }{
		{"an empty file", ``},
		{"no JSON", `version=1`},
		{"an array", `[]`},
		{"a file that was cut", file(tomJSON)[:200]},
		{"a second value", file() + `{}`},
		{"a file without a version", `{"accounts":[]}`},
		{"a file of a later version", `{"version":2,"accounts":[]}`},
		{"a version as text", `{"version":"` + secret + `","accounts":[]}`},
		{"a version that is no whole number", `{"version":1087.5,"accounts":[]}`},
		{"a member that nobody knows", `{"version":1,"accounts":[],"more":"` + secret + `"}`},
		{"a member of an account that nobody knows", file(strings.Replace(amyJSON, `"userName"`, `"nickName":"`+secret+`","userName"`, 1))},
		{"a member in another case", file(strings.Replace(tomJSON, `"disabled"`, `"Disabled"`, 1))},
		{"a member that is there twice", file(strings.Replace(tomJSON, `"disabled":true`, `"disabled":true,"disabled":false`, 1))},
		{"a member of the profile that is there twice", file(strings.Replace(tomJSON, `"desk":7`, `"desk":7,"desk":8`, 1))},
		{"a hash as a number", file(strings.Replace(tomJSON, `"$hash"`, `7`, 1))},
		{"disabled as text", file(strings.Replace(tomJSON, `"disabled":true`, `"disabled":"`+secret+`"`, 1))},
		{"roles as text", file(strings.Replace(tomJSON, `["clerk"]`, `"`+secret+`"`, 1))},
		{"a private token that is too short", file(strings.Replace(tomJSON, `AQAA`, ``, 1))},
		{"a private token in the clear", file(strings.Replace(tomJSON, `AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=`, secret, 1))},
		{"a time zone that is none", file(strings.Replace(tomJSON, `Asia/Kolkata`, `Asia/`+secret, 1))},
		{"the machine's time zone", file(strings.Replace(tomJSON, `Asia/Kolkata`, `Local`, 1))},
		{"an account without an id", file(strings.Replace(tomJSON, `"1087"`, `""`, 1))},
		{"an account without a login", file(strings.Replace(tomJSON, `"login":"tom",`, ``, 1))},
		{"two accounts with one login", file(tomJSON, strings.Replace(tomJSON, `1087`, secret, 1))},
		{"two accounts with one id", file(tomJSON, strings.Replace(tomJSON, `"tom"`, `"`+secret+`"`, 1))},
		{"text that is no UTF-8", file(strings.Replace(tomJSON, `"Tom"`, "\""+secret+"\xff\"", 1))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "accounts.json")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := accounts.OpenFile(path)
			if err == nil || !strings.HasPrefix(err.Error(), "accounts: "+path+": ") {
				t.Fatalf("%v, want an error that names the file", err)
			}
			for _, value := range []string{secret, "tom", "1087", "clerk", "$hash"} {
				if strings.Contains(strings.ReplaceAll(err.Error(), path, ""), value) {
					t.Errorf("the error quotes the file: %v", err)
				}
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != test.text {
				t.Errorf("the file was changed: %s, %v", text, err)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "accounts.json")
	if err := os.WriteFile(path, []byte(file(tomJSON, amyJSON)), 0o600); err != nil {
		t.Fatal(err)
	}
	openFile(t, path) // so that each of them is refused for its own reason
}

func TestFileStoreRefusesAFileThatOthersMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are not kept")
	}
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o604, 0o620, 0o602, 0o601} {
		path := filepath.Join(t.TempDir(), "accounts.json")
		if err := os.WriteFile(path, []byte(`{"version":1,"accounts":[]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := accounts.OpenFile(path); err == nil || !strings.HasSuffix(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

// What cannot be written has not happened.
func TestFileStoreThatCannotWrite(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s := openFile(t, filepath.Join(folder, "accounts.json"))
	if err := s.Create(t.Context(), fileRecord(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	another := fileRecord(t)
	another.ID, another.Login = "1088", "another"
	for what, err := range map[string]error{
		"Create":      s.Create(t.Context(), another),
		"UpgradeHash": s.UpgradeHash(t.Context(), "1087", "$hash", "$fresh"),
		"Update": s.Update(t.Context(), "tom", func(r *accounts.Record) error {
			r.PasswordHash = "$changed"
			return nil
		}),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want fs.ErrNotExist", what, err)
		}
	}
	if r, err := s.Lookup(t.Context(), "tom"); err != nil || r.PasswordHash != "$hash" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := s.Lookup(t.Context(), "another"); !errors.Is(err, accounts.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	if err := s.Create(t.Context(), another); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the login is taken: %v", err)
	}
	if _, err := accounts.OpenFile(filepath.Join(folder, "accounts.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file in no folder: %v, want fs.ErrNotExist", err)
	}
}

// The write of one process does not undo another's without a word.
func TestFileStoreOfTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.json")
	first, second := openFile(t, path), openFile(t, path)
	if err := first.Create(t.Context(), fileRecord(t)); err != nil {
		t.Fatal(err)
	}
	another := fileRecord(t)
	another.ID, another.Login = "1088", "another"
	if err := second.Create(t.Context(), another); err == nil || !strings.Contains(err.Error(), "changed by another process") {
		t.Errorf("%v, want an error that says so", err)
	}
	if err := openFile(t, path).Create(t.Context(), another); err != nil {
		t.Error(err)
	}
	if list, err := openFile(t, path).List(t.Context(), "", 10); err != nil || len(list) != 2 {
		t.Errorf("%v, %v, want both", list, err)
	}
}

func TestFileStoreKeepsALink(t *testing.T) {
	folder := t.TempDir()
	target, link := filepath.Join(folder, "target.json"), filepath.Join(folder, "accounts.json")
	openFile(t, target)
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	if err := openFile(t, link).Create(t.Context(), fileRecord(t)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if _, err := openFile(t, target).Lookup(t.Context(), "tom"); err != nil {
		t.Error(err)
	}
}
