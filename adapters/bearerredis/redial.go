package bearerredis

import (
	"context"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redial returns a hook for a client's AddHook, with which a server that was
// away is found within half a second. After some failures go-redis itself looks
// for it once a second, and answers every call in between with an error of its
// own.
func Redial() redis.Hook { return redial{} }

type redial struct{}

// DialHook gives go-redis a connection that fails instead of a failure to
// connect, which it would count.
func (redial) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := next(ctx, network, addr)
		if err != nil {
			return deadConn{err}, nil
		}
		return c, nil
	}
}

func (redial) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (redial) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// A deadConn fails as the attempt to connect did.
type deadConn struct{ err error }

func (c deadConn) Read([]byte) (int, error)         { return 0, c.err }
func (c deadConn) Write([]byte) (int, error)        { return 0, c.err }
func (c deadConn) Close() error                     { return nil }
func (c deadConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c deadConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c deadConn) SetDeadline(time.Time) error      { return nil }
func (c deadConn) SetReadDeadline(time.Time) error  { return nil }
func (c deadConn) SetWriteDeadline(time.Time) error { return nil }
