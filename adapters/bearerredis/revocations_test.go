package bearerredis_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerredis"
	"github.com/gobearer/bearer/bearertest"
	"github.com/redis/go-redis/v9"
)

// prefixes keep the stores of one server apart.
var prefixes atomic.Int64

func ownPrefix() bearerredis.Option {
	return bearerredis.WithPrefix(fmt.Sprint("test ", prefixes.Add(1)))
}

// patient: a machine that does other things too is not what these tests are about.
func patient() bearerredis.Option { return bearerredis.WithTimeouts(patience, patience) }

func newRevocations(t testing.TB, client redis.UniversalClient, opts ...bearerredis.Option) *bearerredis.Revocations {
	t.Helper()
	s, err := bearerredis.NewRevocations(client, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// protocols has a client for each that Redis speaks.
func protocols(t *testing.T) map[string]redis.UniversalClient {
	t.Helper()
	s := startRedis(t)
	return map[string]redis.UniversalClient{
		"RESP3": s.client(t),
		"RESP2": s.client(t, func(o *redis.Options) { o.Protocol = 2 }),
	}
}

func TestRevocations(t *testing.T) {
	t.Parallel()
	for name, client := range protocols(t) {
		t.Run(name, func(t *testing.T) {
			bearertest.RevocationStore(t, func(t *testing.T) bearertest.Revoker {
				return newRevocations(t, client, ownPrefix(), patient())
			})
		})
	}
}

// What is outlived is dropped as others are added, by Redis's clock and not by
// that of whoever revokes.
func TestRevocationsForget(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client(t)
	s := newRevocations(t, client, patient())
	now := time.Now()
	revoke := func(v bearer.Revocation) {
		t.Helper()
		v.Issuer = "i"
		if err := s.Revoke(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	for k := range 250 {
		revoke(bearer.Revocation{Subject: fmt.Sprint(k), Before: now, Until: now.Add(-time.Hour)})
	}
	for k := range 3 {
		revoke(bearer.Revocation{ID: fmt.Sprint(k), Until: now.Add(time.Hour)})
	}
	revoke(bearer.Revocation{Subject: "for ever", Before: now})
	entries, err := client.ZCard(t.Context(), "{bearer}:"+bearerredis.EntriesKey).Result()
	cuts, errCuts := client.HLen(t.Context(), "{bearer}:"+bearerredis.CutsKey).Result()
	if entries != 4 || cuts != 1 || err != nil || errCuts != nil {
		t.Errorf("%d entries and %d instants are left, want 4 and 1; %v, %v", entries, cuts, err, errCuts)
	}
}

// nodes are two replicas of one service: a middleware each, on a client each.
type nodes struct {
	issuer *bearertest.Issuer
	stores [2]bearertest.Revoker
	apis   [2]*bearer.Middleware[bearertest.Claims]
}

func newNodes(t testing.TB, newStore func() bearertest.Revoker) *nodes {
	t.Helper()
	n := &nodes{issuer: bearertest.NewIssuer(t)}
	for k := range n.stores {
		n.stores[k] = newStore()
		trust := n.issuer.Trust()
		trust.Revocations = n.stores[k]
		api, err := bearer.NewMiddleware[bearertest.Claims](trust)
		if err != nil {
			t.Fatal(err)
		}
		n.apis[k] = api
	}
	return n
}

// status is a node's answer to a credential.
func (n *nodes) status(node int, authorization string) int {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	n.apis[node].Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
	return w.Code
}

// spellings are all that the credential of one token may look like.
func spellings(token string) []string {
	return []string{"Bearer " + token, "bearer " + token, "BEARER " + token, "bEaReR    " + token}
}

// A token that is revoked on one node is refused there at once, and on the other
// one as soon as that knows, however it is spelled.
func TestRevokedOnEveryNode(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	for mode, newStore := range map[string]func() bearertest.Revoker{
		"direct": func() bearertest.Revoker { return newRevocations(t, s.client(t), patient()) },
		"mirror": func() bearertest.Revoker { return runMirror(t, s.client(t), patience, patient()) },
	} {
		t.Run(mode, func(t *testing.T) {
			n := newNodes(t, newStore)
			var lags []time.Duration
			for k := range 40 {
				id, session, subject := fmt.Sprint("id ", k), fmt.Sprint("session ", k), fmt.Sprint("subject ", k)
				for _, v := range []bearer.Revocation{
					{ID: mode + id},
					{Session: mode + session},
					{Subject: mode + subject, Before: time.Now().Add(time.Minute)},
				} {
					v.Issuer, v.Until = n.issuer.URL, time.Now().Add(time.Hour)
					token := n.issuer.Token(map[string]any{"jti": id, "sid": session, "sub": subject})
					revoked := n.issuer.Token(map[string]any{"jti": or(v.ID, id), "sid": or(v.Session, session), "sub": or(v.Subject, subject)})
					for node := range n.apis {
						if got := n.status(node, "Bearer "+revoked); got != http.StatusOK {
							t.Fatalf("%d before the revocation", got)
						}
					}
					if err := n.stores[0].Revoke(t.Context(), v); err != nil {
						t.Fatal(err)
					}
					start := time.Now()
					for _, credential := range spellings(revoked) {
						if got := n.status(0, credential); got != http.StatusUnauthorized {
							t.Errorf("%.10s...: %d on the same node", credential, got)
						}
					}
					for n.status(1, "Bearer "+revoked) != http.StatusUnauthorized && time.Since(start) < patience {
						time.Sleep(time.Millisecond)
					}
					lags = append(lags, time.Since(start))
					for _, credential := range spellings(revoked) {
						if got := n.status(1, credential); got != http.StatusUnauthorized {
							t.Errorf("%.10s...: %d on another node", credential, got)
						}
					}
					for node := range n.apis {
						if got := n.status(node, "Bearer "+token); got != http.StatusOK {
							t.Errorf("%d for another token", got)
						}
					}
				}
			}
			slices.Sort(lags)
			median := lags[len(lags)/2]
			t.Logf("refused on another node after %v (median), %v (maximum), of %d revocations", median, lags[len(lags)-1], len(lags))
			if median > 2*time.Second { // of the maximum a machine that pauses may be the cause
				t.Errorf("it took %v", median)
			}
		})
	}
}

func or(name, other string) string {
	if name != "" {
		return name
	}
	return other
}

// Errors go into logs. Redis quotes a command that it does not know.
func TestErrorsHoldNoNames(t *testing.T) {
	t.Parallel()
	const name = "jane.doe@example.com"
	info := bearer.Info{Issuer: name, ID: name, Session: name, Subject: name}
	for fault, break_ := range map[string]func(t *testing.T) *server{
		"a command is unknown": func(t *testing.T) *server {
			return startRedis(t, "--rename-command", "ZMSCORE", "", "--rename-command", "EVALSHA", "", "--rename-command", "XREAD", "")
		},
		"a key is of another type": func(t *testing.T) *server {
			s := startRedis(t)
			for _, key := range []string{bearerredis.EntriesKey, bearerredis.CutsKey, bearerredis.ChangesKey} {
				if err := s.client(t).Set(t.Context(), "{bearer}:"+key, name, 0).Err(); err != nil {
					t.Fatal(err)
				}
			}
			return s
		},
		"an instant is none": func(t *testing.T) *server {
			s := startRedis(t)
			v := bearer.Revocation{Issuer: name, Subject: name, Before: time.Now()}
			if err := newRevocations(t, s.client(t), patient()).Revoke(t.Context(), v); err != nil {
				t.Fatal(err)
			}
			key := "{bearer}:" + bearerredis.CutsKey
			members, err := s.client(t).HKeys(t.Context(), key).Result()
			if err != nil || len(members) != 1 {
				t.Fatal(members, err)
			}
			if err := s.client(t).HSet(t.Context(), key, members[0], name).Err(); err != nil {
				t.Fatal(err)
			}
			return s
		},
		"a password is asked for": func(t *testing.T) *server { return startRedis(t, "--requirepass", "secret") },
		"the server is away": func(t *testing.T) *server {
			s := startRedis(t)
			s.kill()
			return s
		},
	} {
		t.Run(fault, func(t *testing.T) {
			client := break_(t).client(t)
			store := newRevocations(t, client)
			mirror := startMirror(t, client, time.Second)
			_, err := store.Revoked(t.Context(), info)
			if err == nil {
				t.Error("Revoked is no error")
			}
			eventually(t, "the mirror says why", func() bool {
				_, err := mirror.Revoked(t.Context(), info)
				return err != nil && err.Error() != bearerredis.ErrStale.Error()
			})
			_, stale := mirror.Revoked(t.Context(), info)
			for k, err := range []error{
				err, stale,
				store.Revoke(t.Context(), bearer.Revocation{Issuer: name, ID: name}),
				store.Revoke(t.Context(), bearer.Revocation{Issuer: name, Subject: name, Before: time.Now()}),
			} {
				t.Log(err)
				if err != nil && strings.Contains(err.Error(), "jane") {
					t.Errorf("error %d holds a name: %v", k, err)
				}
			}
		})
	}
}
