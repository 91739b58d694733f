package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gobearer/bearer/internal/loopback"
)

const (
	maxDocument  = 1 << 20 // bytes, after decompression
	maxRedirects = 3
	maxAddress   = 2 << 10
	maxErrorText = 200
)

// Errors of a fetch never wrap those of its context, which the caller of Lookup
// would take for those of their own. They quote no document, and of what else a
// server sent 200 bytes at most.
var (
	errTimeout  = fmt.Errorf("no whole answer in time, which is %v at most", fetchTimeout)
	errTooLarge = errors.New("the answer is larger than 1 MiB")
)

// A statusError is a status other than 200.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("the status is %d, not 200", int(e)) }

// restrict makes a client's requests what this package promises.
func restrict(client *http.Client) {
	client.Jar = nil
	theirs := client.CheckRedirect
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		switch {
		case len(via) > maxRedirects:
			return fmt.Errorf("more than %d redirects", maxRedirects)
		case origin(req.URL) != origin(via[0].URL):
			// Else an open redirect at the issuer's would choose the keys.
			return errors.New("a redirect to another host or scheme: use the address that it leads to")
		}
		req.Close = true
		if theirs != nil {
			return theirs(req, via)
		}
		return nil
	}
}

// origin is the scheme, host and port of an address.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// checkAddress reads an absolute address of keys or of an issuer. Its errors
// follow on what the address is of.
func checkAddress(address string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return nil, errors.New("is empty: use an https address")
	case len(address) > maxAddress:
		return nil, errors.New("is longer than 2 KiB: use a shorter one")
	case err != nil || u.Hostname() == "":
		return nil, errors.New("is not an absolute URL: use one that begins with https://")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("is neither https nor http: use https")
	case u.User != nil:
		return nil, errors.New("has a user name or password, which end up in logs: let the Transport of WithHTTPClient send them")
	case strings.Contains(address, "#"):
		return nil, errors.New("has a fragment, which is never sent: leave it out")
	case u.Scheme == "http" && !allowHTTP && !loopback.Is(u.Hostname()):
		return nil, errors.New("is http beyond the loopback interface: use https, or say DangerouslyAllowHTTP")
	}
	return u, nil
}

// fetch gets the set. Both steps of a discovery are one fetch.
func (s *RemoteSource) fetch(ctx context.Context) (*remoteSet, error) {
	address, err := s.locate(ctx)
	if err != nil {
		return nil, err
	}
	text, err := s.o.get(ctx, address, "application/jwk-set+json, application/json")
	if err != nil {
		return nil, err
	}
	set, err := s.o.parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(address), err)
	}
	return set, nil
}

// get reads the document at an address.
func (o *remoteOptions) get(ctx context.Context, address, accept string) ([]byte, error) {
	text, err := o.read(ctx, address, accept)
	if err == nil {
		return text, nil
	}
	// It would show the query, which may have a secret.
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = errTimeout
	}
	if text := err.Error(); len(text) > maxErrorText { // net/http quotes a status line or a header
		err = errors.New(strings.ToValidUTF8(text[:maxErrorText], ""))
	}
	return nil, fmt.Errorf("%s: %w", shown(address), err)
}

func (o *remoteOptions) read(ctx context.Context, address, accept string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	// The next fetch is minutes away. A connection that waits for it keeps two
	// goroutines, and one that broke meanwhile would cost it its time.
	req.Close = true
	res, err := o.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, statusError(res.StatusCode)
	case res.ContentLength > maxDocument:
		return nil, errTooLarge
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDocument {
		return nil, errTooLarge
	}
	return text, nil
}

// shown is an address as errors show it.
func shown(address string) string {
	before, _, _ := strings.Cut(address, "?")
	return before
}

// A remoteSet is what a JWK set has for this package.
type remoteSet struct {
	set     *set
	size    int
	skipped int
}

// parse reads a JWK set. It skips what [Parse] refuses: a key that its owner did
// not mean for us, or that is broken, must not stop the others from working.
func (o *remoteOptions) parse(text []byte) (*remoteSet, error) {
	values, err := takeApart(text)
	if err != nil {
		return nil, err
	}
	var all []*Key
	for _, value := range values {
		if k := o.parseOne(value); k != nil {
			all = append(all, k)
		}
	}
	keys := unambiguous(all)
	if len(keys) == 0 {
		return nil, errors.New("the JWK set has no key that is usable here")
	}
	return &remoteSet{set: newSet(keys), size: len(keys), skipped: len(values) - len(keys)}, nil
}

// takeApart returns the keys of a JWK set as they stand. The reader is lenient,
// so that what is wrong inside of one key is found by those who read that key,
// and skip it.
func takeApart(text []byte) ([]jsontext.Value, error) {
	malformed := errors.New("the answer is not a JWK set: no JSON object with one array keys")
	d := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, malformed
	}
	var keys []jsontext.Value
	found := false
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, malformed
		}
		if name.String() != "keys" {
			if d.SkipValue() != nil {
				return nil, malformed
			}
			continue
		}
		if t, err := d.ReadToken(); err != nil || t.Kind() != '[' || found {
			return nil, malformed
		}
		for found = true; d.PeekKind() != ']'; {
			key, err := d.ReadValue()
			if err != nil {
				return nil, malformed
			}
			if len(keys) == maxKeys {
				return nil, errTooMany
			}
			keys = append(keys, key.Clone())
		}
		if _, err := d.ReadToken(); err != nil {
			return nil, malformed
		}
	}
	if t, err := d.ReadToken(); err != nil || t.Kind() != '}' || !found {
		return nil, malformed
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, malformed
	}
	return keys, nil
}

// parseOne reads a key of the set; nil: one to skip.
func (o *remoteOptions) parseOne(value jsontext.Value) *Key {
	m, err := readMembers(value)
	if err != nil {
		return nil
	}
	// A private key that is published is nobody's any more. It is not even
	// parsed, since to check one takes time.
	if _, private := m["d"]; private {
		return nil
	}
	var fallback Algorithm
	if kty, err := m.text("kty"); err == nil && kty == ktyRSA {
		fallback = o.rsa // the other types have one algorithm each
	}
	k, err := parseJWK(value, fallback)
	if err != nil || k.private() || k.symmetric() || !k.m().verifies {
		return nil
	}
	return k
}

// unambiguous leaves out a key that is there twice, and every key of an
// algorithm and id that name several: whichever was taken, tokens would be
// refused or not by the order of a list, and trying all of them would let a key
// in under another's name.
func unambiguous(keys []*Key) []*Key {
	var kept []*Key
	for i, k := range keys {
		keep := true
		for j, other := range keys {
			if k.alg != other.alg || k.id != other.id {
				continue
			}
			if equal := k.Equal(other); equal && j < i || !equal && k.id != "" {
				keep = false
			}
		}
		if keep {
			kept = append(kept, k)
		}
	}
	return kept
}
