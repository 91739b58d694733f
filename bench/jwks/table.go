package main

import (
	"fmt"
	"time"
)

// without adds to the figure of a row with an interval that the client has none.
func (c client) without(cell string) string {
	if c.unset != "" {
		return cell + " (" + c.unset + ")"
	}
	return cell
}

func accepted(took time.Duration, ok bool) string {
	if !ok {
		return fmt.Sprintf("still refused after %s", seconds(took))
	}
	return "accepted after " + seconds(took)
}

func refused(n, of int) string { return fmt.Sprintf("%d of %d refused", n, of) }

func (se *session) fetched() string {
	if n := se.server.fetches.Load(); n != 1 {
		return fmt.Sprintf("%d fetches", n)
	}
	return "1 fetch"
}

func seconds(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
