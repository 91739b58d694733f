package keys

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// JWKS serves the ring's JWK set (RFC 7517 section 5): the public halves of its
// pending, active and retiring asymmetric keys, with kid, alg and use. Secrets
// are not in it: a ring of nothing else serves an empty set. It answers GET and
// HEAD, also with If-None-Match, and may be cached for the publish delay. The
// zero Ring answers 503.
func (r *Ring) JWKS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		s, err := r.now()
		if err != nil {
			// An empty set would tell verifiers to forget the keys they have.
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		// RFC 9110 section 15.4.5: these, and no others of a 200, are also in a 304.
		w.Header().Set("Cache-Control", cacheControl(r.delay))
		w.Header().Set("ETag", s.etag)
		if matches(req.Header.Values("If-None-Match"), s.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(s.jwks)))
		w.Header().Set("Content-Type", "application/jwk-set+json") // RFC 7517 section 8.5.2
		// Middleware that compresses corrects the length where the status is written.
		w.WriteHeader(http.StatusOK)
		if req.Method == http.MethodGet {
			w.Write(s.jwks)
		}
	})
}

// cacheControl is what rotation relies on: no cache holds a set without a key
// that signs already.
func cacheControl(delay time.Duration) string {
	if delay < time.Second {
		return "no-cache"
	}
	return "public, max-age=" + strconv.FormatInt(int64(delay/time.Second), 10)
}

// matches reports whether an If-None-Match names the entity tag, by the weak
// comparison (RFC 9110 sections 13.1.2 and 8.8.3.2). Where the header is
// malformed it names nothing more, so that the answer is whole.
func matches(headers []string, etag string) bool {
	list := strings.Join(headers, ",")
	if strings.Trim(list, " \t") == "*" {
		return true
	}
	for {
		list = strings.TrimLeft(list, " \t,")
		opaque, ok := strings.CutPrefix(strings.TrimPrefix(list, "W/"), `"`)
		if !ok {
			return false
		}
		end := strings.IndexByte(opaque, '"')
		if end < 0 {
			return false
		}
		if `"`+opaque[:end+1] == etag {
			return true
		}
		list = strings.TrimLeft(opaque[end+1:], " \t")
		if list != "" && list[0] != ',' {
			return false
		}
	}
}
