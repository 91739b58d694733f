package main

import (
	"context"
	"net/http"
	"time"
)

// A session is one client with a key server of its own.
type session struct {
	server *keyServer
	verify verify
	cancel context.CancelFunc // closes the client
	end    func()             // closes both
	opened time.Duration      // what opening took: two clients fetch in it
}

func open(c client, s settings, answer http.HandlerFunc) (*session, error) {
	ctx, cancel := context.WithCancel(context.Background())
	server := newKeyServer(answer)
	start := time.Now()
	v, err := c.open(ctx, server.URL, s)
	end := func() { cancel(); server.close() }
	if err != nil {
		end()
		return nil, err
	}
	return &session{server, v, cancel, end, time.Since(start)}, nil
}

// openFilled is open with the current key in the cache.
func openFilled(c client, s settings, answer http.HandlerFunc) (*session, error) {
	se, err := open(c, s, answer)
	if err != nil {
		return nil, err
	}
	current, _ := issuerKeys()
	if err := se.verify(context.Background(), current.token()); err != nil {
		se.end()
		return nil, err
	}
	se.server.fetches.Store(0)
	return se, nil
}

// asks is a question for until: does the client accept this token?
func (se *session) asks(token string) func(context.Context) bool {
	return func(ctx context.Context) bool { return se.verify(ctx, token) == nil }
}

// sends is a load of good or bad tokens.
func (se *session) sends(token func() string) func(int) error {
	return func(int) error { return se.verify(context.Background(), token()) }
}

// same is a load of one token.
func same(token string) func() string { return func() string { return token } }
