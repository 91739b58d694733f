// Package resourceserver holds two programs: an issuer of tokens, and an API
// that knows it by its address alone.
//
//	go run ./examples/resource-server/issuer
//	go run ./examples/resource-server/api
//
// The issuer serves POST /token, its public keys and the metadata that names
// their address (RFC 8414). The API reads the metadata and the keys when it needs
// them, and keeps them: it goes on while the issuer is away, and takes a new key
// from the first token on that names it.
//
// Both speak plain HTTP, on the loopback interface. Elsewhere put TLS in front
// of both, and name the issuer by its https address.
package resourceserver
