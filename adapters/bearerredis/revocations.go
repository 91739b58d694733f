package bearerredis

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/internal/revoked"
	"github.com/redis/go-redis/v9"
)

// Revocations asks Redis about every token: a revocation counts everywhere from
// the instant at which Revoke returns. It is for bearer.WithRevocations and for
// Trust.Revocations. A [Mirror] answers from memory instead.
type Revocations struct{ *store }

// NewRevocations does not connect. The error joins every *bearer.OptionError.
func NewRevocations(client redis.UniversalClient, opts ...Option) (*Revocations, error) {
	s, err := newStore(client, opts)
	if err != nil {
		return nil, err
	}
	return &Revocations{s}, nil
}

// The keys of revocations. A member of the sorted set is one entry, its score the
// Unix second from which it may be dropped; the hash has the instants of those
// that are about a subject; the stream tells mirrors of changes, each with the id
// of the one before it.
const (
	entriesKey = "revoked"
	cutsKey    = "revoked:before"
	changesKey = "revoked:changes"
)

// member names an entry.
func member(kind revoked.Kind, issuer, id string) string {
	return strconv.Itoa(int(kind)) + strconv.Itoa(len(issuer)) + ":" + issuer + id
}

// revoke adds an entry or extends it, drops some of those that are outlived, and
// tells the mirrors. Redis's clock decides what is outlived: that of one replica
// could be wrong for all. The last id of a stream outlives its entries.
var revoke = redis.NewScript(`
local entries, cuts, changes = KEYS[1], KEYS[2], KEYS[3]
local member, until_, before = ARGV[1], ARGV[2], ARGV[3]
local old = redis.call('ZSCORE', entries, member)
if old and (old == 'inf' or (until_ ~= '+inf' and tonumber(old) > tonumber(until_))) then until_ = old end
redis.call('ZADD', entries, until_, member)
if before ~= '' then
	local cut = redis.call('HGET', cuts, member)
	if cut and tonumber(cut) > tonumber(before) then before = cut end
	redis.call('HSET', cuts, member, before)
end
local outlived = redis.call('ZRANGEBYSCORE', entries, '-inf', '(' .. redis.call('TIME')[1], 'LIMIT', 0, 100)
if #outlived > 0 then
	redis.call('ZREM', entries, unpack(outlived))
	redis.call('HDEL', cuts, unpack(outlived))
end
local last = '` + noID + `'
if redis.call('EXISTS', changes) == 1 then
	local stream = redis.call('XINFO', 'STREAM', changes)
	for i = 1, #stream, 2 do
		if stream[i] == 'last-generated-id' then last = stream[i + 1] end
	end
end
redis.call('XADD', changes, 'MAXLEN', '~', 100000, '*', 'p', last, 'm', member, 'u', until_, 'b', before)
return 0
`)

// noID is the last id of a stream that had no change yet.
const noID = "0-0"

// Revoke implements what bearer.Revocation asks of a store. Once it has returned
// without an error Redis has the entry.
func (r *Revocations) Revoke(ctx context.Context, v bearer.Revocation) error {
	e, err := entry(v)
	if err != nil {
		return err
	}
	return r.revoke(ctx, e)
}

func entry(v bearer.Revocation) (revoked.Entry, error) {
	return revoked.NewEntry(v.Issuer, v.ID, v.Session, v.Subject, v.Before, v.Until)
}

func (s *store) revoke(ctx context.Context, e revoked.Entry) error {
	until, before := "+inf", ""
	if !e.Until.IsZero() {
		until = strconv.FormatInt(e.Until.Add(time.Second).Unix(), 10)
	}
	if !e.Before.IsZero() {
		before = strconv.FormatInt(e.Before.Unix(), 10)
	}
	keys := []string{s.key(entriesKey), s.key(cutsKey), s.key(changesKey)}
	return s.writing(ctx, func(ctx context.Context) error {
		return revoke.Run(ctx, s.client, keys, member(e.Kind, e.Issuer, e.ID), until, before).Err()
	})
}

// OnlyReads tells package bearer that Revoked needs no copy of what it is given.
func (r *Revocations) OnlyReads() bearer.Revocations { return r }

// Revoked implements bearer.Revocations, in one round trip.
func (r *Revocations) Revoked(ctx context.Context, t bearer.Info) (bool, error) {
	members := make([]string, 0, 3)
	if t.ID != "" {
		members = append(members, member(revoked.Token, t.Issuer, t.ID))
	}
	if t.Session != "" {
		members = append(members, member(revoked.Session, t.Issuer, t.Session))
	}
	subject := member(revoked.Subject, t.Issuer, t.Subject)
	var found *redis.FloatSliceCmd
	var cut *redis.StringCmd
	err := r.reading(ctx, func(ctx context.Context) error {
		pipe := r.client.Pipeline()
		if len(members) > 0 {
			found = pipe.ZMScore(ctx, r.key(entriesKey), members...)
		}
		cut = pipe.HGet(ctx, r.key(cutsKey), subject)
		_, err := pipe.Exec(ctx)
		return err
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, err
	}
	if found != nil {
		scores, err := found.Result()
		if err != nil {
			return false, err
		}
		// go-redis says zero for a member that is not there.
		if slices.ContainsFunc(scores, func(until float64) bool { return until != 0 }) {
			return true, nil
		}
	}
	text, err := cut.Result()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	before, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return false, errEntry
	}
	return t.IssuedAt.IsZero() || t.IssuedAt.Unix() <= before, nil
}
