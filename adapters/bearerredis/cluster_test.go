package bearerredis_test

import (
	"net"
	"strings"
	"testing"

	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/bearertest"
	"github.com/gobearer/bearer/refresh"
	"github.com/redis/go-redis/v9"
)

// A cluster refuses a script or a transaction whose keys belong to several nodes,
// even if it has one node only.
func TestCluster(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	s := startRedis(t, "--cluster-enabled", "yes", "--port", port)
	node := s.client(t)
	if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster works", func() bool {
		info, err := node.ClusterInfo(t.Context()).Result()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	})
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:" + port}, ContextTimeoutEnabled: true, ReadTimeout: patience})
	t.Cleanup(func() { _ = client.Close() })
	t.Run("refresh", func(t *testing.T) {
		bearertest.RefreshStore(t, func(t *testing.T) refresh.Store { return newRefreshStore(t, client, ownPrefix(), patient()) })
	})
	t.Run("revocations", func(t *testing.T) {
		store := newRevocations(t, client, patient())
		mirror := runMirror(t, client, patience, patient())
		for _, id := range []string{"a", "b"} {
			revokeID(t, store, id)
			eventually(t, "the mirror is told", func() bool { return has(mirror, id) })
		}
		copied := runMirror(t, client, patience, patient())
		if !has(copied, "a") || !has(copied, "b") || has(copied, "c") {
			t.Error("the copy is not complete")
		}
	})
	t.Run("throttle", func(t *testing.T) {
		th := newThrottle(t, client, patient())
		for range 10 {
			if v := admit(t, th, attemptOf(1, 1)); v != (accounts.Verdict{}) {
				t.Errorf("%+v", v)
			}
		}
		if v := admitUntilRefused(t, th, attemptOf(1, 2)); v.By != accounts.ThrottledAccount {
			t.Errorf("%+v", v)
		}
	})
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
