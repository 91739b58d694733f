package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A fault is a row of the table: what happens, and how a client's figure is
// measured.
type fault struct {
	name    string
	measure func(client, scale) (string, error)
	alone   bool // measures the process, so that nothing else may run
}

// faults returns the rows. Their names hold the figures of the scale.
func faults(sc scale) []fault {
	ids := func() string { return forged(rand.Text()) }
	return []fault{
		{name: fmt.Sprintf("%d tokens with unknown key ids in %v", sc.tokens, sc.span), measure: forgeries(ids)},
		{name: fmt.Sprintf("%d tokens with a known key id and a bad signature in %v", sc.tokens, sc.span), measure: forgeries(func() string { return forged("current") })},
		{name: "Rotation: the first tokens of a new key", measure: rotation},
		{name: "Rotation while unknown key ids come as above", measure: rotationUnderAttack},
		{name: fmt.Sprintf("A key that was removed from the set, refresh interval %v", sc.interval), measure: removal},
		{name: "A post-quantum key (`AKP`, ML-DSA-44) beside the good one", measure: foreignKey(postQuantum)},
		{name: "A broken RSA key (no `n`) beside the good one", measure: foreignKey(broken)},
		{name: "An EC key on an unknown curve (`BP-256`) beside the good one", measure: foreignKey(unknownCurve)},
		{name: fmt.Sprintf("Key server flaps, %v up and down, refresh interval %v: %d good tokens in %v", sc.flap, sc.interval, sc.tokens, sc.span), measure: flapping},
		{name: fmt.Sprintf("Key server down since longer than the refresh interval of %v: %d good tokens in %v", sc.interval, sc.tokens, sc.span), measure: outage},
		{name: fmt.Sprintf("Key server down at first, for %v", sc.outage), measure: downAtFirst},
		{name: "Redirect to another host", measure: redirect},
		{name: fmt.Sprintf("Body of %d MiB", sc.large), measure: largeBody, alone: true},
		{name: "Body of a byte a second: the first answer", measure: slowBody},
		{name: fmt.Sprintf("%d first tokens at once", sc.callers), measure: firstTokens},
		{name: fmt.Sprintf("1 caller gives up, 9 wait for the same fetch of %v", sc.slow), measure: cancelled},
		{name: "Goroutines, in use and after closing", measure: leftovers, alone: true},
	}
}

// forgeries counts the fetches that bad tokens cause.
func forgeries(token func() string) func(client, scale) (string, error) {
	return func(c client, sc scale) (string, error) {
		current, _ := issuerKeys()
		se, err := openFilled(c, settings{}, publish(current.jwk()))
		if err != nil {
			return "", err
		}
		defer se.end()
		if n := load(sc.tokens, sc.span, se.sends(token)); n != sc.tokens {
			return "", fmt.Errorf("accepted %d forged tokens", sc.tokens-n)
		}
		return se.fetched(), nil
	}
}

func rotation(c client, sc scale) (string, error) {
	current, next := issuerKeys()
	se, err := openFilled(c, settings{}, publish(current.jwk()))
	if err != nil {
		return "", err
	}
	defer se.end()
	se.server.say(publish(current.jwk(), next.jwk()))
	return accepted(until(context.Background(), sc.patience, se.asks(next.token()))), nil
}

func rotationUnderAttack(c client, sc scale) (string, error) {
	current, next := issuerKeys()
	se, err := openFilled(c, settings{}, publish(current.jwk()))
	if err != nil {
		return "", err
	}
	defer se.end()
	attack := make(chan struct{})
	go func() {
		defer close(attack)
		// Longer than the patience, so that nobody gets in because it is over.
		load(sc.tokens*3/2, sc.span*3/2, se.sends(func() string { return forged(rand.Text()) }))
	}()
	time.Sleep(sc.span / 10)
	se.server.say(publish(current.jwk(), next.jwk()))
	cell := accepted(until(context.Background(), sc.patience, se.asks(next.token())))
	<-attack
	return cell, nil
}

func removal(c client, sc scale) (string, error) {
	current, next := issuerKeys()
	se, err := openFilled(c, settings{refresh: sc.interval}, publish(current.jwk(), next.jwk()))
	if err != nil {
		return "", err
	}
	defer se.end()
	se.server.say(publish(next.jwk()))
	asks := se.asks(current.token())
	took, ok := until(context.Background(), sc.patience, func(ctx context.Context) bool { return !asks(ctx) })
	if !ok {
		return c.without(fmt.Sprintf("still accepted after %v", sc.patience)), nil
	}
	return c.without("refused after " + seconds(took)), nil
}

// foreignKey says whether a good token gets through beside a key that is not
// for this client.
func foreignKey(foreign string) func(client, scale) (string, error) {
	return func(c client, sc scale) (string, error) {
		current, _ := issuerKeys()
		try := func(s settings) (string, error) {
			se, err := open(c, s, publish(foreign, current.jwk()))
			if err != nil {
				return "", err
			}
			defer se.end()
			ctx, cancel := context.WithTimeout(context.Background(), sc.ready)
			defer cancel()
			if se.verify(ctx, current.token()) != nil {
				return "good tokens refused", nil
			}
			return "good tokens accepted", nil
		}
		cell, err := try(settings{})
		if err == nil && c.defaults {
			var plain string
			plain, err = try(settings{defaults: true})
			cell += " (by default: " + strings.TrimPrefix(plain, "good tokens ") + ")"
		}
		return cell, err
	}
}

func flapping(c client, sc scale) (string, error) {
	current, _ := issuerKeys()
	se, err := openFilled(c, settings{refresh: sc.interval}, publish(current.jwk()))
	if err != nil {
		return "", err
	}
	defer se.end()
	se.server.say(flap(publish(current.jwk()), sc.flap))
	n := load(sc.tokens, sc.span, se.sends(same(current.token())))
	return c.without(refused(n, sc.tokens) + ", " + se.fetched()), nil
}

func outage(c client, sc scale) (string, error) {
	current, _ := issuerKeys()
	se, err := openFilled(c, settings{refresh: sc.interval}, publish(current.jwk()))
	if err != nil {
		return "", err
	}
	defer se.end()
	se.server.say(down)
	time.Sleep(sc.interval * 3 / 2)
	n := load(sc.tokens, sc.span, se.sends(same(current.token())))
	return c.without(refused(n, sc.tokens) + ", " + se.fetched()), nil
}

// downAtFirst asks ten times a second during the outage, as a service with
// traffic does.
func downAtFirst(c client, sc scale) (string, error) {
	current, _ := issuerKeys()
	se, err := open(c, settings{}, down)
	if err != nil {
		return "", err
	}
	defer se.end()
	token := current.token()
	err = se.verify(context.Background(), token)
	if err == nil {
		return "", errors.New("accepted a token without a key")
	}
	cell := "an error"
	if c.answer != nil {
		cell = c.answer(err)
	}
	if se.opened > time.Second {
		cell += " after " + seconds(se.opened) + " at start"
	}
	load(max(int(sc.outage/(100*time.Millisecond)), 1), sc.outage, se.sends(same(token)))
	se.server.say(publish(current.jwk()))
	took, ok := until(context.Background(), sc.patience, se.asks(token))
	if !ok {
		return fmt.Sprintf("%s; good tokens still refused %v after recovery", cell, sc.patience), nil
	}
	return cell + "; good tokens accepted " + seconds(took) + " after recovery", nil
}

func redirect(c client, _ scale) (string, error) {
	current, _ := issuerKeys()
	other := newKeyServer(publish(current.jwk()))
	defer other.close()
	// Another name and another port.
	target := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	se, err := open(c, settings{}, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) })
	if err != nil {
		return "", err
	}
	defer se.end()
	err = se.verify(context.Background(), current.token())
	switch followed := other.fetches.Load() > 0; {
	case followed && err == nil:
		return "followed, its keys trusted", nil
	case followed:
		return "followed", nil
	case err == nil:
		return "", errors.New("accepted a token without a key")
	default:
		return "not followed", nil
	}
}

func largeBody(c client, sc scale) (string, error) {
	current, _ := issuerKeys()
	token, verdict := current.token(), "refused"
	var se *session
	var err error
	growth := heapGrowth(func() {
		if se, err = open(c, settings{}, large(sc.large, current.jwk())); err == nil && se.verify(context.Background(), token) == nil {
			verdict = "accepted"
		}
	})
	if err != nil {
		return "", err
	}
	defer se.end()
	read := bodies.bytes(strings.TrimPrefix(se.server.URL, "http://"))
	return fmt.Sprintf("%s read, heap +%s, %s", mebibytes(read), mebibytes(growth), verdict), nil
}

// slowBody asks once as somebody who waits for ever, and once as one who waits
// for two seconds.
func slowBody(c client, sc scale) (string, error) {
	current, _ := issuerKeys()
	ask := func(ctx context.Context) (string, error) {
		start, answered := time.Now(), make(chan error, 1)
		go func() {
			se, err := open(c, settings{}, drip(jwkSet(0, current.jwk())))
			if err == nil {
				se.verify(ctx, current.token())
				se.end()
			}
			answered <- err
		}()
		select {
		case err := <-answered:
			return seconds(time.Since(start)), err
		case <-time.After(sc.drip):
			return fmt.Sprintf("none in %v", sc.drip), nil
		}
	}
	const deadline = 2 * time.Second
	var cells [2]string
	var errs [2]error
	var wg sync.WaitGroup
	wg.Go(func() { cells[0], errs[0] = ask(context.Background()) })
	wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		cells[1], errs[1] = ask(ctx)
	})
	wg.Wait()
	return fmt.Sprintf("%s; to a caller with a deadline of %v: %s", cells[0], deadline, cells[1]), errors.Join(errs[:]...)
}

func firstTokens(c client, sc scale) (string, error) {
	current, _ := issuerKeys()
	se, err := open(c, settings{}, publish(current.jwk()))
	if err != nil {
		return "", err
	}
	defer se.end()
	n := load(sc.callers, time.Duration(sc.callers), se.sends(same(current.token())))
	return se.fetched() + ", " + refused(n, sc.callers), nil
}

// cancelled counts who of those that wait is refused because another one gave
// up. The same without anybody who gives up is for comparison.
func cancelled(c client, sc scale) (string, error) {
	const others = 9
	current, next := issuerKeys()
	try := func(newKey, giveUp bool) (int, error) {
		served, token := slow(publish(current.jwk()), sc.slow), current.token()
		if newKey {
			served = publish(current.jwk())
		}
		se, err := open(c, settings{}, served)
		if err != nil {
			return 0, err
		}
		defer se.end()
		if newKey {
			if err := se.verify(context.Background(), token); err != nil {
				return 0, err
			}
			se.server.say(slow(publish(current.jwk(), next.jwk()), sc.slow))
			token = next.token()
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var first sync.WaitGroup
		first.Go(func() { se.verify(ctx, token) })
		time.Sleep(sc.slow / 10)
		if giveUp {
			time.AfterFunc(sc.slow/5, cancel)
		}
		n := load(others, others, se.sends(same(token)))
		first.Wait()
		return n, nil
	}
	var n [4]int
	var errs [4]error
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { n[i], errs[i] = try(i >= 2, i%2 == 0) })
	}
	wg.Wait()
	return fmt.Sprintf("first tokens: %d refused (%d if nobody gives up); tokens of a new key: %d (%d)", n[0], n[1], n[2], n[3]),
		errors.Join(errs[:]...)
}

func leftovers(c client, _ scale) (string, error) {
	current, _ := issuerKeys()
	bodies.CloseIdleConnections()
	before := goroutines()
	se, err := openFilled(c, settings{}, publish(current.jwk()))
	if err != nil {
		return "", err
	}
	during := goroutines()
	se.cancel()
	after := goroutines()
	bodies.CloseIdleConnections()
	rest := goroutines()
	se.end()
	cell := fmt.Sprintf("%d; %d", during-before, after-before)
	if idle := after - rest; idle > 0 {
		cell += fmt.Sprintf(", of them %d of an idle connection", idle)
	}
	return cell, nil
}
