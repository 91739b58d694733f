// Package bearerredis keeps what several replicas of a service share in Redis 6.2
// or later: revocations, the state of refresh tokens and the counters of the login
// throttle. Each change is one Lua script, and so atomic.
//
// Every call is bounded in time: 50 ms for those that read, 500 ms for those that
// write, unless WithTimeouts says otherwise. After five failures in a row Redis is
// asked four times a second until it answers, and every other call fails at once.
// A failed call is answered with 503: nothing is admitted unchecked.
//
// What Redis forgets, it forgets for all. It needs appendonly yes, appendfsync
// always if no acknowledged revocation may be lost with the machine, and
// maxmemory-policy noeviction: with another one a full Redis drops revocations
// instead of refusing to write.
package bearerredis
