package main

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"
)

// A bar of the picture.
type bar struct {
	label string
	class string
	time  time.Duration
}

// bars are what the picture shows of one algorithm: our two paths, and every
// other row of the first one in its strictest configuration.
func bars(all []*scenario, alg string) []bar {
	var list []bar
	for _, s := range all {
		if s.alg != alg || s.kind != small.name {
			continue
		}
		for _, r := range s.rows {
			switch {
			case r.kind == own && r.name == bearerContestant.name:
				list = append(list, bar{r.name + ", " + string(s.path), "own", r.summary().time})
			case s.path == cold && r.kind == floor:
				list = append(list, bar{r.name, "floor", r.summary().time})
			case s.path == cold && r.kind == peer && !slices.ContainsFunc(s.rows, func(o *row) bool { return o.name == r.name+", strict" }):
				list = append(list, bar{strings.TrimSuffix(r.name, ", strict"), "peer", r.summary().time})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b bar) int { return cmp.Compare(a.time, b.time) })
	return list
}

const (
	panelWidth = 490
	labelWidth = 215
	barWidth   = 200
	lineHeight = 19
	top        = 64
)

// draw makes the picture: a panel for each algorithm, two beside each other. It
// has its own background, so that it can be read on any page.
func draw(w io.Writer, all []*scenario) {
	lines := 0
	for _, alg := range algorithms {
		lines = max(lines, len(bars(all, alg)))
	}
	panelHeight := 40 + lines*lineHeight
	width, height := 2*panelWidth+20, top+(len(algorithms)+1)/2*panelHeight
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" font-family="system-ui, sans-serif" font-size="12">
<style>
  .page { fill: #ffffff } text { fill: #1f2328 } .small { fill: #59636e }
  .own { fill: #0969da } .peer { fill: #afb8c1 } .floor { fill: #ffffff; stroke: #59636e; stroke-dasharray: 3 2 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .small { fill: #9198a1 }
    .own { fill: #4493f8 } .peer { fill: #484f58 } .floor { fill: #0d1117; stroke: #9198a1 }
  }
</style>
<title>What an authenticated request costs</title>
<rect class="page" width="%[1]d" height="%[2]d"/>
<text x="20" y="28" font-size="16" font-weight="600">What an authenticated request costs: payload of %[3]s, shorter is better</text>
<text x="20" y="48" class="small">Each in its strictest configuration. Only bearer remembers tokens: to the others each one is new.</text>
`, width, height, small.name)
	for i, alg := range algorithms {
		fmt.Fprintf(w, "<g transform=\"translate(%d %d)\">\n", 10+i%2*panelWidth, top+i/2*panelHeight)
		panel(w, alg, bars(all, alg))
		fmt.Fprintln(w, "</g>")
	}
	fmt.Fprintln(w, "</svg>")
}

func panel(w io.Writer, alg string, list []bar) {
	fmt.Fprintf(w, "<text x=\"%d\" y=\"18\" font-size=\"14\" font-weight=\"600\">%s</text>\n", labelWidth, alg)
	for i, b := range list {
		y := 28 + i*lineHeight
		length := max(float64(barWidth)*float64(b.time)/float64(list[len(list)-1].time), 1)
		fmt.Fprintf(w, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", labelWidth-8, y+12, html.EscapeString(b.label))
		fmt.Fprintf(w, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"13\" rx=\"2\"/>", b.class, labelWidth, y+2, length)
		fmt.Fprintf(w, "<text x=\"%.1f\" y=\"%d\" class=\"small\">%s</text>\n", labelWidth+length+6, y+12, short(b.time))
	}
}
