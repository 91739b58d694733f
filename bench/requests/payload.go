package main

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"
)

// A payload is what tokens of one kind say. Its tokens differ in who they are
// for, so that an answer with somebody else's claims is seen.
type payload struct {
	name     string
	issuer   string
	audience string
	subject  string // the name of the first claim that handlers read
	custom   string // the name of the second one
	text     string // a format of subject, custom, instant and expiry, by their indexes
	values   func(i int) (subject, custom string)
}

const (
	issuer   = "https://issuer.example/"
	audience = "https://api.example"
)

// seedText is the payload of a token from the wild, all but its dates and whom it
// is for.
//
//go:embed testdata/seed.payload
var seedText string

var (
	small = &payload{
		name: "269 bytes", issuer: issuer, audience: audience, subject: "sub", custom: "tenant",
		text: `{"iss":"` + issuer + `","aud":"` + audience + `","sub":"%[1]s","tenant":"%[2]s","roles":["editor","viewer"],` +
			`"limits":{"seats":5},"nbf":%[3]d,"exp":%[4]d,"iat":%[3]d,"scope":"read write","jti":"54e28e4c-57bd-4210-a0b9-5c5f042d0f99"}`,
		values: func(i int) (string, string) { return fmt.Sprintf("user-%06d", i), fmt.Sprintf("acme%06d", i) },
	}
	seed = &payload{
		name: "1352 bytes", issuer: "http://localhost:44306/", audience: "Apiv2",
		subject: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", custom: "family_name",
		text:   strings.TrimSpace(seedText),
		values: func(i int) (string, string) { return fmt.Sprintf("%04d", i), fmt.Sprintf("Amit %06d", i) },
	}
	payloads = []*payload{small, seed}
)

// started is the instant of every token. They outlive the run.
var started = time.Now().Unix()

const lifetime = 24 * 60 * 60

// claims is the payload of the i-th token, and what a handler answers for it.
func (p *payload) claims(i int) (text, answer string) {
	subject, custom := p.values(i)
	return fmt.Sprintf(p.text, subject, custom, started, started+lifetime), subject + " " + custom
}

// claims is what typed contestants decode a payload into.
type claims interface {
	pair() (subject, custom string)
	Validate(context.Context) error // auth0 asks for one
}

type smallClaims struct {
	Subject string `json:"sub"`
	Tenant  string `json:"tenant"`
}

func (c smallClaims) pair() (subject, custom string) { return c.Subject, c.Tenant }
func (smallClaims) Validate(context.Context) error   { return nil }

type seedClaims struct {
	NameIdentifier string `json:"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"`
	FamilyName     string `json:"family_name"`
}

func (c seedClaims) pair() (subject, custom string) { return c.NameIdentifier, c.FamilyName }
func (seedClaims) Validate(context.Context) error   { return nil }
