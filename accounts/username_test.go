package accounts_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobearer/bearer/accounts"
)

// spellings are of one user name.
var spellings = map[string][]string{
	"tom":             {"tom", "Tom", "TOM", "ＴＯＭ", "ｔｏｍ"},
	"zoé":             {"zo\u00e9", "zoe\u0301", "ZO\u00c9", "ZOE\u0301"},
	"σίσυφος":         {"Σίσυφος"}, // the final sigma stays one
	"tom@example.com": {"Tom@Example.COM"},
	"i̇":              {"İ"},
}

func TestUserName(t *testing.T) {
	for want, all := range spellings {
		for _, name := range append(all, want) {
			if got, err := accounts.UserName(name); got != want || err != nil {
				t.Errorf("%+q: %+q, %v, want %+q", name, got, err, want)
			}
		}
	}
	seen := map[string]string{}
	for _, name := range []string{"tom", "t0m", "tom1", "t.om", "t\u043em", "tóm", "straße", "strasse"} { // one o is Cyrillic
		got, err := accounts.UserName(name)
		if was, twice := seen[got]; twice || err != nil {
			t.Errorf("%+q is %+q, %v", name, was, err)
		}
		seen[got] = name
	}
}

func TestNoUserName(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                            "",
		"a space":                          "tom sawyer",
		"a space at the end":               "tom ",
		"a no-break space":                 "tom\u00a0",
		"a NUL":                            "tom\x00",
		"a line break":                     "tom\n",
		"invalid UTF-8":                    "tom\xff",
		"a half of a surrogate pair":       "tom\xed\xa0\x80",
		"a zero-width space":               "to\u200bm",
		"a zero-width joiner out of place": "to\u200dm",
		"a byte order mark":                "\ufefftom",
		"a mark that turns the direction":  "tom\u202e",
		"two directions":                   "tom\u05d0",
		"a ligature":                       "\ufb01",
		"an emoji":                         "tom\U0001f600",
		"257 bytes":                        strings.Repeat("x", 257),
		"300 bytes that become 200":        strings.Repeat("e\u0301", 100),
		"256 bytes that become 384":        strings.Repeat("İ", 128),
		"a megabyte":                       strings.Repeat("x", 1<<20),
	} {
		if got, err := accounts.UserName(text); got != "" || !errors.Is(err, accounts.ErrUserName) {
			t.Errorf("%s: %+q, %v", name, got, err)
		}
	}
	if got, err := accounts.UserName(strings.Repeat("X", 256)); len(got) != 256 || err != nil {
		t.Errorf("256 bytes: %d, %v", len(got), err)
	}
}

// What UserName returns is a user name that it leaves alone.
func FuzzUserName(f *testing.F) {
	for _, all := range spellings {
		for _, name := range all {
			f.Add(name)
		}
	}
	f.Add(strings.Repeat("İ", 128))
	f.Add("\u0661\u06f1") // Arabic-Indic digits of two kinds
	f.Fuzz(func(t *testing.T, name string) {
		got, err := accounts.UserName(name)
		if err != nil {
			if got != "" || err != accounts.ErrUserName {
				t.Errorf("%+q: %+q, %v", name, got, err)
			}
			return
		}
		if again, err := accounts.UserName(got); again != got || err != nil || !utf8.ValidString(got) {
			t.Errorf("%+q: %+q and then %+q, %v", name, got, again, err)
		}
	})
}
