package bearersql

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a zone that one machine has stored must load on all
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/internal/zone"
)

// What cannot be stored. The causes are left out: they quote values.
var (
	errIdentity = errors.New("bearersql: an update cannot change an account's ID or Login")
	errNameless = errors.New("bearersql: an account needs an ID and a Login")
	errText     = errors.New("bearersql: an account has text that is no UTF-8 or holds a NUL")
	errProfile  = errors.New("bearersql: the profile does not encode as JSON")
	errTimeZone = errors.New("bearersql: the time zone is not the one that time.LoadLocation finds by its name")
)

// storable is for both databases what PostgreSQL can store as text.
func storable(text string) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}

// rowOf returns the values of accountColumns.
func rowOf(r *accounts.Record) ([]any, error) {
	// The database refuses them as well, and some log all of the row then.
	if r.ID == "" || r.Login == "" {
		return nil, errNameless
	}
	zone, err := zoneName(r.TimeZone)
	if err != nil {
		return nil, err
	}
	roles, err := listText(r.Roles)
	if err != nil {
		return nil, err
	}
	scopes, err := listText(r.Scopes)
	if err != nil {
		return nil, err
	}
	profile, err := profileText(r.Profile)
	if err != nil {
		return nil, err
	}
	row := []any{
		r.ID, r.Login, r.UserName, r.Name, r.Email, r.Website, r.DNS, r.Locale, r.Culture, zone, roles, scopes, profile,
		r.PasswordHash, r.PrivateToken[:], r.Disabled,
	}
	for _, v := range row {
		if text, ok := v.(string); ok && !storable(text) {
			return nil, errText
		}
	}
	return row, nil
}

// scanRecord reads accountColumns.
func scanRecord(row interface{ Scan(...any) error }) (*accounts.Record, error) {
	var r accounts.Record
	var zone, roles, scopes string
	var profile sql.Null[string]
	var token []byte
	err := row.Scan(&r.ID, &r.Login, &r.UserName, &r.Name, &r.Email, &r.Website, &r.DNS, &r.Locale, &r.Culture, &zone, &roles, &scopes, &profile,
		&r.PasswordHash, &token, &r.Disabled)
	if err != nil {
		return nil, err
	}
	broken := func(column string) error {
		return fmt.Errorf("the column %s of the account %q cannot be read", column, r.ID)
	}
	if copy(r.PrivateToken[:], token) != len(r.PrivateToken) || len(token) != len(r.PrivateToken) {
		return nil, broken("private_token")
	}
	if zone != "" {
		if r.TimeZone, err = time.LoadLocation(zone); err != nil {
			return nil, broken("time_zone")
		}
	}
	if json.Unmarshal([]byte(roles), &r.Roles) != nil {
		return nil, broken("roles")
	}
	if json.Unmarshal([]byte(scopes), &r.Scopes) != nil {
		return nil, broken("scopes")
	}
	if profile.Valid {
		text := jsontext.Value(profile.V)
		if !text.IsValid() {
			return nil, broken("profile")
		}
		r.Profile = text
	}
	return &r, nil
}

func listText(list []string) (string, error) {
	text, err := json.Marshal(list) // of nil, []
	if err != nil {
		return "", errText
	}
	return string(text), nil
}

// profileText returns a string, or nil for NULL.
func profileText(profile any) (any, error) {
	if profile == nil {
		return nil, nil
	}
	text, err := json.Marshal(profile)
	if err != nil {
		return nil, errProfile
	}
	if string(text) == "null" {
		return nil, nil
	}
	return string(text), nil
}

// zoneName returns the name that a time zone is loaded by.
func zoneName(z *time.Location) (string, error) {
	if z == nil {
		return "", nil
	}
	// The column's empty text is for none.
	if z.String() == "" || !zone.Loadable(z) {
		return "", errTimeZone
	}
	return z.String(), nil
}
