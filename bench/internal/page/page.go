// Package page has what the pages of all measurements need.
package page

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"
)

// Row prints a row of a Markdown table.
func Row(w io.Writer, cells ...string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }

// Version is that of a module in this program.
func Version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		switch {
		case m.Path == module && m.Replace != nil:
			return "this repository"
		case m.Path == module:
			return m.Version
		}
	}
	return "unknown"
}
