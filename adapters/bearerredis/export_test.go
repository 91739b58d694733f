package bearerredis

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/internal/revoked"
	"github.com/redis/go-redis/v9"
)

// TokenMember is how Redis names the revocation of a token.
func TokenMember(issuer, id string) string { return member(revoked.Token, issuer, id) }

// Parse reads an entry as Redis holds it.
func Parse(member, until, before string) error {
	_, err := parse(member, until, before)
	return err
}

// The keys' names without their prefix.
const (
	EntriesKey = entriesKey
	CutsKey    = cutsKey
	ChangesKey = changesKey
)

// Entries is how many entries a Mirror holds.
func (m *Mirror) Entries() int { return m.table.Len() }

// attemptAt is the throttle's script by any clock, by which its keys expire too.
var attemptAt = redis.NewScript(`
local now = tonumber(ARGV[#ARGV])
local function expire(key, ms) redis.call('SET', key .. ':end', string.format('%.0f', now + 1000 * ms)) end
for _, key in ipairs(KEYS) do
	local at = redis.call('GET', key .. ':end')
	if at and tonumber(at) <= now then redis.call('DEL', key, key .. ':end') end
end
` + strings.ReplaceAll(attemptScript, `redis.call('PEXPIRE', `, `expire(`))

// At takes one step of the throttle at an instant.
func (th *Throttle) At(t testing.TB, step string, a accounts.Attempt, known bool, now time.Time) accounts.Verdict {
	t.Helper()
	keys, args := th.arguments(step, a, known)
	reply, err := attemptAt.Run(context.Background(), th.client, keys, append(args, now.UnixMicro())...).Slice()
	if err != nil {
		t.Fatal(err)
	}
	v, err := verdict(reply)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
