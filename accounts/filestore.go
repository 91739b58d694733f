package accounts

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer"
)

// A FileStore is an [AdminStore] in a JSON file, for trials and for a few accounts
// that seldom change. It is NOT enough for production: the file belongs to one
// process, which reads it once, and every write, the upgrade of a hash included,
// writes all of it anew and makes every login wait.
//
// Profiles and time zones are as in a [MemoryStore]. A file that another process
// has changed or removed is not written any more: open it again.
type FileStore struct {
	table
	path string
	file os.FileInfo // as it was written or read last
}

// fileVersion is the version of the file's form.
const fileVersion = 1

type accountFile struct {
	Version  int           `json:"version"`
	Accounts []fileAccount `json:"accounts"`
}

type fileAccount struct {
	ID           string         `json:"id"`
	Login        string         `json:"login"`
	UserName     string         `json:"userName"`
	Name         string         `json:"name,omitzero"`
	Email        string         `json:"email,omitzero"`
	Website      string         `json:"website,omitzero"`
	DNS          string         `json:"dns,omitzero"`
	Locale       string         `json:"locale,omitzero"`
	Culture      string         `json:"culture,omitzero"`
	TimeZone     string         `json:"timeZone,omitzero"`
	Roles        []string       `json:"roles,omitempty"`
	Scopes       []string       `json:"scopes,omitempty"`
	Profile      jsontext.Value `json:"profile,omitzero"`
	PasswordHash string         `json:"passwordHash"`
	PrivateToken [32]byte       `json:"privateToken"` // base64
	Disabled     bool           `json:"disabled,omitzero"`
}

// OpenFile opens a store in the file at path, and makes the file where there is
// none. The file is readable for its owner alone, and replaced as a whole, so that
// a crash leaves the old one or the new one. It is refused where others may read
// or write it (not on Windows), or where it is not, to the last member, what a
// FileStore writes.
func OpenFile(path string) (*FileStore, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a rename would replace the link
	}
	s := &FileStore{path: path}
	s.save = s.replace
	text, err := s.read()
	if errors.Is(err, fs.ErrNotExist) {
		return s, s.write(nil)
	}
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	if err := s.parse(text); err != nil {
		return nil, fmt.Errorf("accounts: %s: %w", path, err)
	}
	return s, nil
}

func (s *FileStore) read() ([]byte, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s.file, err = f.Stat()
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && s.file.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: others than its owner have access to it: chmod 600", s.path)
	}
	return io.ReadAll(f)
}

func (s *FileStore) parse(text []byte) error {
	var file accountFile
	if err := json.Unmarshal(text, &file, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("not a file of accounts%s", at(err))
	}
	if file.Version != fileVersion {
		return fmt.Errorf("a file of version %d, and this program knows version %d", file.Version, fileVersion)
	}
	s.records, s.logins = map[string]*Record{}, map[string]string{}
	for i, a := range file.Accounts {
		r, err := a.record()
		if err != nil {
			return fmt.Errorf("%w, at \"/accounts/%d\"", err, i)
		}
		_, login := s.records[r.Login]
		_, id := s.logins[r.ID]
		if login || id {
			return fmt.Errorf("%w, at \"/accounts/%d\"", ErrExists, i)
		}
		s.records[r.Login], s.logins[r.ID] = r, r.Login
	}
	return nil
}

// at says where a file is wrong. The rest of the decoder's error is left out: it
// quotes values.
func at(err error) string {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.JSONPointer != "" {
		return fmt.Sprintf(", at %q", semantic.JSONPointer)
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return fmt.Sprintf(", at byte %d", syntactic.ByteOffset)
	}
	return ""
}

// replace writes the file anew, unless it is not the one that was read.
func (s *FileStore) replace(records map[string]*Record) error {
	now, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	if !os.SameFile(now, s.file) || now.Size() != s.file.Size() || !now.ModTime().Equal(s.file.ModTime()) {
		return fmt.Errorf("accounts: %s was changed by another process: open it again", s.path)
	}
	return s.write(records)
}

func (s *FileStore) write(records map[string]*Record) error {
	file := accountFile{Version: fileVersion, Accounts: []fileAccount{}}
	for _, r := range records {
		file.Accounts = append(file.Accounts, newFileAccount(r))
	}
	slices.SortFunc(file.Accounts, func(a, b fileAccount) int { return cmp.Compare(a.Login, b.Login) })
	text, err := json.Marshal(file)
	if err != nil {
		// Of UTF-8 that is none; the cause quotes values.
		return errors.New("accounts: an account does not encode as JSON")
	}
	if err := s.rename(append(text, '\n')); err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	return nil
}

// rename puts a new file in the old one's place, and sees to it that both the
// file and its name are on the disk.
func (s *FileStore) rename(text []byte) (err error) {
	dir := filepath.Dir(s.path)
	f, err := os.CreateTemp(dir, ".accounts-*") // for its owner alone
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), s.path); err != nil {
		return err
	}
	s.file = info
	return syncFolder(dir)
}

// syncFolder is for the names in a folder. Windows keeps them by itself.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func newFileAccount(r *Record) fileAccount {
	a := fileAccount{
		ID: r.ID, Login: r.Login, UserName: r.UserName, Name: r.Name, Email: r.Email, Website: r.Website, DNS: r.DNS,
		Locale: r.Locale, Culture: r.Culture, Roles: r.Roles, Scopes: r.Scopes,
		PasswordHash: r.PasswordHash, PrivateToken: r.PrivateToken, Disabled: r.Disabled,
	}
	if r.TimeZone != nil {
		a.TimeZone = r.TimeZone.String()
	}
	a.Profile, _ = r.Profile.(jsontext.Value)
	return a
}

func (a fileAccount) record() (*Record, error) {
	r := &Record{
		Account: bearer.Account{
			ID: a.ID, UserName: a.UserName, Name: a.Name, Email: a.Email, Website: a.Website, DNS: a.DNS,
			Locale: a.Locale, Culture: a.Culture, Roles: a.Roles, Scopes: a.Scopes,
		},
		Login: a.Login, PasswordHash: a.PasswordHash, PrivateToken: a.PrivateToken, Disabled: a.Disabled,
	}
	if a.Profile != nil {
		r.Profile = a.Profile
	}
	if a.TimeZone != "" {
		zone, err := time.LoadLocation(a.TimeZone)
		if err != nil {
			return nil, errTimeZone // the cause quotes it
		}
		r.TimeZone = zone
	}
	return r.storable()
}
