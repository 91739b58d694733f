package jws

import (
	"strings"
	"sync/atomic"
)

// Headers remembers the headers of tokens that were verified: an issuer's tokens
// have one for each of its keys, and to know it by its text saves reading it. It
// is small, so that looking through it costs less than that. The zero value
// remembers nothing yet, and a nil *Headers never will.
type Headers struct {
	known [16]atomic.Pointer[header]
	next  atomic.Uint32
}

// A header is what Parse read from a text.
type header struct {
	segment               string
	algorithm, keyID, typ string
}

// maxRemembered bounds the memory of one header.
const maxRemembered = 512

// Parse is [Parse] for a token whose header may be known.
func (h *Headers) Parse(token string, max int) (Envelope, error) {
	e, err := split(token, max)
	if err != nil {
		return Envelope{}, err
	}
	if h != nil {
		for i := range h.known {
			known := h.known[i].Load()
			if known == nil {
				break
			}
			if known.segment == e.header {
				e.Algorithm, e.KeyID, e.Type = known.algorithm, known.keyID, known.typ
				e.known = true
				return e, nil
			}
		}
	}
	if err := e.readHeader(); err != nil {
		return Envelope{}, err
	}
	return e, nil
}

// Remember keeps the header of a token for others with the same, in the place of
// the one that was kept first, and gives e its copies of the values, which keep
// nothing else of the header in memory. It must be called for verified tokens
// only, so that nobody else chooses what is forgotten.
func (h *Headers) Remember(e *Envelope) {
	if e.known || len(e.header) > maxRemembered {
		return
	}
	e.Algorithm, e.KeyID, e.Type = strings.Clone(e.Algorithm), strings.Clone(e.KeyID), strings.Clone(e.Type)
	h.known[(h.next.Add(1)-1)%uint32(len(h.known))].Store(&header{strings.Clone(e.header), e.Algorithm, e.KeyID, e.Type})
}
