package bearer

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobearer/bearer/internal/strictjson"
)

// Claims are the claims that an Issuer writes, in their order on the wire; an
// empty one is left out. A type of your own may embed them and add to them.
type Claims struct {
	Name           string       `json:"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name,omitempty"`           // Account.ID
	NameIdentifier string       `json:"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier,omitempty"` // Account.ID
	Roles          ClaimStrings `json:"http://schemas.microsoft.com/ws/2008/06/identity/claims/role,omitempty"`         // Account.Roles
	DNS            string       `json:"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/dns,omitempty"`            // Account.DNS
	Usr            string       `json:"usr,omitempty"`                                                                  // Account.Profile, packed: read it with Profile
	UTCTimeOffset  string       `json:"UTCTimeOffset,omitempty"`                                                        // UTC+05:30~Asia/Kolkata
	CultureCode    string       `json:"CultureCode,omitempty"`                                                          // Account.Culture, else Account.Locale
	FamilyName     string       `json:"family_name,omitempty"`                                                          // Account.Name
	Email          string       `json:"email,omitempty"`                                                                // Account.Email
	Website        string       `json:"website,omitempty"`                                                              // Account.Website
	ID             string       `json:"jti,omitempty"`                                                                  // a random UUID
	Issued         string       `json:"http://schemas.microsoft.com/ws/2008/06/identity/claims/expiration,omitempty"`   // the issue instant, whatever the name says: 2006-01-02 15:04:05.000
	Expired        string       `json:"http://schemas.microsoft.com/ws/2008/06/identity/claims/expired,omitempty"`      // the expiry, in the same form
	NotBefore      NumericDate  `json:"nbf,omitzero"`
	ExpiresAt      NumericDate  `json:"exp,omitzero"`
	Issuer         string       `json:"iss,omitempty"`
	Audience       ClaimStrings `json:"aud,omitempty"`
	Subject        string       `json:"sub,omitempty"` // Account.ID
	IssuedAt       NumericDate  `json:"iat,omitzero"`
	Scope          string       `json:"scope,omitempty"`     // Account.Scopes, joined by spaces
	Session        string       `json:"sid,omitempty"`       // the login behind a refresh token (OpenID Connect Front-Channel Logout 1.0 section 3)
	ClientID       string       `json:"client_id,omitempty"` // of WithAccessTokenProfile (RFC 9068 section 2.2)
}

// ClaimStrings is written as a string where there is one, else as an array, and
// read from either (RFC 7519 section 4.1.3). In answers of your own use []string,
// or the Info's.
type ClaimStrings []string

// MarshalJSON writes one string bare.
func (s ClaimStrings) MarshalJSON() ([]byte, error) {
	if len(s) == 1 {
		return json.Marshal(s[0])
	}
	return json.Marshal([]string(s))
}

// UnmarshalJSON reads a string or an array of strings; null is neither.
func (s *ClaimStrings) UnmarshalJSON(data []byte) error {
	*s = nil
	v, err := strictjson.Parse(string(data))
	if err != nil {
		return err
	}
	list, err := readAudience(v)
	*s = list
	return err
}

// NumericDate is an instant written as seconds since 1970 (RFC 7519 section 2).
type NumericDate struct{ time.Time }

// MarshalJSON writes whole seconds as an integer, and a fraction to the microsecond at least.
func (d NumericDate) MarshalJSON() ([]byte, error) { return d.appendTo(nil), nil }

func (d NumericDate) appendTo(text []byte) []byte {
	if d.Nanosecond() == 0 {
		return strconv.AppendInt(text, d.Unix(), 10)
	}
	return strconv.AppendFloat(text, float64(d.Unix())+float64(d.Nanosecond())/1e9, 'f', -1, 64)
}

// UnmarshalJSON reads a finite number in the range of a date.
func (d *NumericDate) UnmarshalJSON(data []byte) error {
	t, err := parseDate(string(data))
	d.Time = t
	return err
}
