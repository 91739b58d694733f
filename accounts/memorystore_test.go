package accounts_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/bearertest"
)

func TestMemoryStoreConforms(t *testing.T) {
	bearertest.AccountStore(t, func(*testing.T) accounts.AdminStore { return new(accounts.MemoryStore) })
}

// A profile that is null would become a usr claim.
func TestMemoryStoreTakesANullProfileForNone(t *testing.T) {
	for _, profile := range []any{nil, jsontext.Value("null"), (*struct{})(nil)} {
		s := new(accounts.MemoryStore)
		err := s.Create(t.Context(), &accounts.Record{Account: bearer.Account{ID: "7", Profile: profile}, Login: "amy"})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := s.Lookup(t.Context(), "amy"); err != nil || r.Profile != nil {
			t.Errorf("%T: %v, %v", profile, r, err)
		}
	}
}
