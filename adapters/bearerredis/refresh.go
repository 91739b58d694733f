package bearerredis

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/gobearer/bearer/refresh"
	"github.com/redis/go-redis/v9"
)

// RefreshStore keeps the families of refresh tokens in Redis, each a hash that
// expires when the family does. It is for bearer.WithRefreshTokens.
type RefreshStore struct{ *store }

// NewRefreshStore does not connect. The error joins every *bearer.OptionError.
func NewRefreshStore(client redis.UniversalClient, opts ...Option) (*RefreshStore, error) {
	s, err := newStore(client, opts)
	if err != nil {
		return nil, err
	}
	return &RefreshStore{s}, nil
}

func (s *RefreshStore) family(id [32]byte) string {
	return s.key("refresh:" + hex.EncodeToString(id[:]))
}

// The fields of a family: data, and in Unix milliseconds created, expires, idle and
// rotated; the newest generation; whether it is revoked.

// Create implements refresh.Store.
func (s *RefreshStore) Create(ctx context.Context, f refresh.Family) error {
	key := s.family(f.ID)
	return s.writing(ctx, func(ctx context.Context) error {
		pipe := s.client.TxPipeline()
		pipe.HSet(ctx, key, "data", f.Data, "created", f.Created.UnixMilli(), "expires", f.Expires.UnixMilli(),
			"idle", f.Idle.UnixMilli(), "generation", 0, "rotated", 0)
		pipe.PExpireAt(ctx, key, earlier(f.Expires, f.Idle))
		_, err := pipe.Exec(ctx)
		return err
	})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Lookup implements refresh.Store.
func (s *RefreshStore) Lookup(ctx context.Context, id [32]byte) (refresh.Family, error) {
	var fields map[string]string
	err := s.reading(ctx, func(ctx context.Context) (err error) {
		fields, err = s.client.HGetAll(ctx, s.family(id)).Result()
		return err
	})
	if err != nil {
		return refresh.Family{}, err
	}
	if len(fields) == 0 {
		return refresh.Family{}, refresh.ErrNotFound
	}
	f := refresh.Family{ID: id, Data: []byte(fields["data"])}
	for name, t := range map[string]*time.Time{"created": &f.Created, "expires": &f.Expires, "idle": &f.Idle} {
		ms, err := strconv.ParseInt(fields[name], 10, 64)
		if err != nil {
			return refresh.Family{}, errFamily
		}
		*t = time.UnixMilli(ms).UTC()
	}
	return f, nil
}

var errFamily = errors.New("bearerredis: a family of refresh tokens is malformed")

// use is the whole of refresh.Store's Use, in its order.
var use = redis.NewScript(`
local family = redis.call('HMGET', KEYS[1], 'generation', 'rotated', 'expires', 'idle', 'revoked')
if not family[1] then return 'unknown' end
if family[5] then return 'revoked' end
local generation, rotated = tonumber(family[1]), tonumber(family[2])
local presented, now, grace = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if now >= tonumber(family[3]) or now >= tonumber(family[4]) then return 'expired' end
if presented == generation then
	redis.call('HSET', KEYS[1], 'generation', generation + 1, 'rotated', ARGV[2], 'idle', ARGV[4])
	redis.call('PEXPIREAT', KEYS[1], math.min(tonumber(family[3]), tonumber(ARGV[4])))
	return 'rotated'
end
if presented > generation then return 'unknown' end
if presented == generation - 1 and now - rotated <= grace then return 'replayed' end
redis.call('HSET', KEYS[1], 'revoked', 1)
return 'reused'
`)

// Use implements refresh.Store.
func (s *RefreshStore) Use(ctx context.Context, u refresh.Use) (refresh.Outcome, error) {
	var outcome string
	err := s.writing(ctx, func(ctx context.Context) (err error) {
		outcome, err = use.Run(ctx, s.client, []string{s.family(u.ID)},
			u.Generation, u.Now.UnixMilli(), u.Grace.Milliseconds(), u.Idle.UnixMilli()).Text()
		return err
	})
	return refresh.Outcome(outcome), err
}

// end marks a family that is there: a field of its own would make it live for
// ever.
var end = redis.NewScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'revoked', 1) end
return 0
`)

// Revoke implements refresh.Store.
func (s *RefreshStore) Revoke(ctx context.Context, id [32]byte) error {
	return s.writing(ctx, func(ctx context.Context) error {
		return end.Run(ctx, s.client, []string{s.family(id)}).Err()
	})
}
