package bearerredis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/adapters/bearerredis"
	"github.com/redis/go-redis/v9"
)

func TestOptions(t *testing.T) {
	// Nothing is connected to.
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	defer client.Close()
	closed := func(c redis.UniversalClient) redis.UniversalClient {
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	prefix, timeouts := bearerredis.WithPrefix, bearerredis.WithTimeouts
	for _, tt := range []struct {
		name   string
		client redis.UniversalClient
		maxAge time.Duration
		opts   []bearerredis.Option
		want   []string // the options that are refused
	}{
		{"nothing is wrong", client, time.Second, nil, nil},
		{"all are given", client, time.Hour, []bearerredis.Option{prefix("shop:1"), timeouts(1, 1)}, nil},
		{"a cluster", closed(redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true})), time.Second, nil, nil},
		{"no client", nil, time.Second, nil, []string{"client"}},
		{"a nil client", (*redis.Client)(nil), time.Second, nil, []string{"client"}},
		{"a nil cluster", (*redis.ClusterClient)(nil), time.Second, nil, []string{"client"}},
		{"a nil ring", (*redis.Ring)(nil), time.Second, nil, []string{"client"}},
		{"a client that waits for ever", closed(redis.NewClient(&redis.Options{})), time.Second, nil, []string{"client"}},
		{"a failover client that does", closed(redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m"})), time.Second, nil, []string{"client"}},
		{"a cluster that does", closed(redis.NewClusterClient(&redis.ClusterOptions{})), time.Second, nil, []string{"client"}},
		{"a cluster's replicas", closed(redis.NewClusterClient(&redis.ClusterOptions{ContextTimeoutEnabled: true, RouteRandomly: true})), time.Second, nil, []string{"client"}},
		{"a ring, which moves keys", closed(redis.NewRing(&redis.RingOptions{ContextTimeoutEnabled: true})), time.Second, nil, []string{"client"}},
		{"a client with a cache", closed(redis.NewClient(&redis.Options{ContextTimeoutEnabled: true, ClientSideCacheConfig: &redis.ClientSideCacheConfig{}})), time.Second, nil, []string{"client"}},
		{"an empty option", client, time.Second, []bearerredis.Option{{}}, []string{"Option"}},
		{"an empty prefix", client, time.Second, []bearerredis.Option{prefix("")}, []string{"WithPrefix"}},
		{"a prefix with a brace", client, time.Second, []bearerredis.Option{prefix("a}b")}, []string{"WithPrefix"}},
		{"a prefix twice", client, time.Second, []bearerredis.Option{prefix("a"), prefix("a")}, []string{"WithPrefix"}},
		{"no time to read", client, time.Second, []bearerredis.Option{timeouts(0, 1)}, []string{"WithTimeouts"}},
		{"no time to write", client, time.Second, []bearerredis.Option{timeouts(1, -1)}, []string{"WithTimeouts"}},
		{"timeouts twice", client, time.Second, []bearerredis.Option{timeouts(1, 1), timeouts(2, 2)}, []string{"WithTimeouts"}},
		{"a view that may not grow old", client, time.Second - 1, nil, []string{"maxAge"}},
		{
			"everything at once", nil, 0,
			[]bearerredis.Option{{}, prefix("{"), timeouts(0, 0), timeouts(1, 1), prefix("a")},
			[]string{"client", "Option", "WithPrefix", "WithTimeouts", "WithTimeouts", "WithPrefix", "maxAge"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := bearerredis.NewMirror(tt.client, tt.maxAge, tt.opts...)
			wantRefused(t, m != nil, err, tt.want)
			var others []string
			for _, name := range tt.want {
				if name != "maxAge" {
					others = append(others, name)
				}
			}
			r, err := bearerredis.NewRevocations(tt.client, tt.opts...)
			wantRefused(t, r != nil, err, others)
			f, err := bearerredis.NewRefreshStore(tt.client, tt.opts...)
			wantRefused(t, f != nil, err, others)
			th, err := bearerredis.NewThrottle(tt.client, tt.opts...)
			wantRefused(t, th != nil, err, others)
		})
	}
}

func wantRefused(t *testing.T, made bool, err error, want []string) {
	t.Helper()
	var got []string
	var collect func(error)
	collect = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				collect(e)
			}
			return
		}
		var option *bearer.OptionError
		if errors.As(err, &option) {
			got = append(got, option.Option)
		} else if err != nil {
			t.Errorf("%v is no OptionError", err)
		}
	}
	collect(err)
	if strings.Join(got, " ") != strings.Join(want, " ") || made != (len(want) == 0) {
		t.Errorf("refused: %q, want %q; made: %t", got, want, made)
	}
}
