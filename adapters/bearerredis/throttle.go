package bearerredis

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/internal/throttle"
	"github.com/redis/go-redis/v9"
)

// Throttle counts logins for all replicas together, by the rules of
// accounts.MemoryThrottle. Its clock is Redis's. An entry expires as soon as it
// says nothing any more; what bounds their number is that only attempts that are
// hashed are counted. It is for accounts.WithThrottle.
type Throttle struct{ *store }

// NewThrottle does not connect. The error joins every *bearer.OptionError.
func NewThrottle(client redis.UniversalClient, opts ...Option) (*Throttle, error) {
	s, err := newStore(client, opts)
	if err != nil {
		return nil, err
	}
	return &Throttle{s}, nil
}

// The scripts get one key for the networks that an account is known from, and two
// for each rule, bucket and share; ARGV holds the step, the network, and for each
// rule whom it counts, how many it leaves free and its drain. A bucket is a hash
// of two instants, e and l, as throttle.Bucket has them. See package
// internal/throttle for what they do; the functions have its names.
var attempt = redis.NewScript(clock + attemptScript)

const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
`

const attemptScript = `
local step, network, was_known = ARGV[1], ARGV[2], ARGV[3] == '1'
local second, under_way, known_for, max_networks = 1000000, tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local known_key = KEYS[1]

local rules = {}
for i = 2, #KEYS, 2 do
	local a = 7 + (i - 2) / 2 * 4
	table.insert(rules, {
		bucket = KEYS[i], share = KEYS[i + 1],
		known = ARGV[a] == '1', by = ARGV[a + 1], free = tonumber(ARGV[a + 2]), drain = tonumber(ARGV[a + 3]),
	})
end

local function read(key)
	local b = redis.call('HMGET', key, 'e', 'l')
	return { empty = tonumber(b[1] or 0), last = tonumber(b[2] or 0) }
end
local function level(b, at) return math.max(0, b.empty - math.max(b.last, at)) end
local function read_at(r, key)
	if key == r.share then return now - under_way end
	return now
end
local function write(r, key, b)
	local at = read_at(r, key)
	if level(b, at) == 0 then redis.call('DEL', key) return end
	redis.call('HSET', key, 'e', string.format('%.0f', b.empty), 'l', string.format('%.0f', b.last))
	redis.call('PEXPIRE', key, math.ceil((b.empty - at) / 1000) + 1)
end
local function wait(r, b)
	local n = math.floor((b.empty - b.last + r.drain - 1) / r.drain)
	if n < r.free or b.last > now then return 0 end
	local w = math.min(second * 2 ^ math.min(n - r.free, 20), r.drain)
	return math.max(0, b.last + w - now)
end
local function add(r)
	for _, key in ipairs({ r.bucket, r.share }) do
		write(r, key, { empty = now + level(read(key), read_at(r, key)) + r.drain, last = now })
	end
end
local function take_back(r, at_most)
	local share = read(r.share)
	local amount = math.min(at_most, level(share, read_at(r, r.share)))
	for _, key in ipairs({ r.bucket, r.share }) do
		if redis.call('EXISTS', key) == 1 then
			local b = read(key)
			b.empty = b.empty - amount
			write(r, key, b)
		end
	end
end

if step == 'succeed' then
	for _, r in ipairs(rules) do take_back(r, math.huge) end
	redis.call('ZADD', known_key, now, network)
	redis.call('ZREMRANGEBYRANK', known_key, 0, -max_networks - 1)
	redis.call('PEXPIRE', known_key, math.ceil(known_for / 1000))
	return { '0', '', 1 }
end
if step == 'refund' then
	for _, r in ipairs(rules) do
		if r.known == was_known then take_back(r, r.drain) end
	end
	return { '0', '', 0 }
end

local at = redis.call('ZSCORE', known_key, network)
local known = at and now - math.min(now, tonumber(at)) < known_for
local longest, by = 0, ''
for _, r in ipairs(rules) do
	if r.known == (known or false) then
		local w = wait(r, read(r.bucket))
		if w > longest then longest, by = w, r.by end
	end
end
if longest == 0 then
	for _, r in ipairs(rules) do
		if r.known == (known or false) then add(r) end
	end
end
return { string.format('%.0f', longest), by, known and 1 or 0 }
`

// Admit implements accounts.Throttle.
func (t *Throttle) Admit(ctx context.Context, a accounts.Attempt) (accounts.Verdict, error) {
	return t.run(ctx, "admit", a, false)
}

// Succeed implements accounts.Throttle.
func (t *Throttle) Succeed(ctx context.Context, a accounts.Attempt, v accounts.Verdict) error {
	_, err := t.run(ctx, "succeed", a, v.Known)
	return err
}

// Refund implements accounts.Throttle.
func (t *Throttle) Refund(ctx context.Context, a accounts.Attempt, v accounts.Verdict) error {
	_, err := t.run(ctx, "refund", a, v.Known)
	return err
}

func (t *Throttle) run(ctx context.Context, step string, a accounts.Attempt, known bool) (v accounts.Verdict, err error) {
	keys, args := t.arguments(step, a, known)
	var reply []any
	err = t.writing(ctx, func(ctx context.Context) (err error) {
		reply, err = attempt.Run(ctx, t.client, keys, args...).Slice()
		return err
	})
	if err != nil {
		return v, err
	}
	return verdict(reply)
}

func (t *Throttle) arguments(step string, a accounts.Attempt, known bool) (keys []string, args []any) {
	account, network := hex.EncodeToString(a.Account[:]), a.Network.String()
	keys = []string{t.key("known:" + account)}
	args = []any{step, network, known, throttle.UnderWay, throttle.KnownFor, throttle.MaxNetworks}
	for i, r := range throttle.Rules {
		name := func(kind, account, network string) string {
			return t.key("attempts:" + strconv.Itoa(i) + kind + account + ":" + network)
		}
		counted := [2]string{}
		if r.Account {
			counted[0] = account
		}
		if r.Network {
			counted[1] = network
		}
		keys = append(keys, name(":all:", counted[0], counted[1]), name(":share:", account, network))
		args = append(args, r.Known, r.Throttled, r.Free, r.Drain)
	}
	return keys, args
}

var errVerdict = errors.New("bearerredis: the throttle's script answered something else")

func verdict(reply []any) (accounts.Verdict, error) {
	if len(reply) != 3 {
		return accounts.Verdict{}, errVerdict
	}
	text, _ := reply[0].(string)
	wait, err := strconv.ParseInt(text, 10, 64)
	by, _ := reply[1].(string)
	known, _ := reply[2].(int64)
	if err != nil {
		return accounts.Verdict{}, errVerdict
	}
	return accounts.Verdict{Known: known == 1, Wait: time.Duration(wait) * time.Microsecond, By: by}, nil
}
