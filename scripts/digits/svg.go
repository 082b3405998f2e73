package main

import (
	"bytes"
	"fmt"
	"html"
	"strings"
)

// Colours of the drawings, readable on white and told apart by lightness too.
const (
	ink    = "#1c2430"
	quiet  = "#6b7686"
	rule   = "#e3e7ed"
	blue   = "#2563a8"
	orange = "#d9762b"
)

// An svg is a drawing in progress, in pixels from the top left.
type svg struct{ bytes.Buffer }

func newSVG(width, height int, title, description string) *svg {
	d := &svg{}
	fmt.Fprintf(d, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="Inter, 'Helvetica Neue', Arial, sans-serif" font-size="13">`+"\n",
		width, height, width, height)
	fmt.Fprintf(d, "<title>%s</title>\n<desc>%s</desc>\n", html.EscapeString(title), html.EscapeString(description))
	d.rect(0, 0, float64(width), float64(height), "#ffffff")
	d.text(28, 36, title, ink, `font-size="19" font-weight="600"`)
	d.text(28, 57, description, quiet, "")
	return d
}

func (d *svg) rect(x, y, w, h float64, fill string) {
	fmt.Fprintf(d, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, w, h, fill)
}

func (d *svg) line(x1, y1, x2, y2 float64, stroke string) {
	fmt.Fprintf(d, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, stroke)
}

func (d *svg) text(x, y float64, s, fill, attributes string) {
	fmt.Fprintf(d, `<text x="%.1f" y="%.1f" fill="%s" %s>%s</text>`+"\n", x, y, fill, attributes, html.EscapeString(s))
}

func (d *svg) curve(points []point, stroke string) {
	var path []string
	for _, p := range points {
		path = append(path, fmt.Sprintf("%.1f,%.1f", p.x, p.y))
	}
	fmt.Fprintf(d, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2.5" stroke-linejoin="round" stroke-linecap="round"/>`+"\n",
		strings.Join(path, " "), stroke)
	for _, p := range points {
		fmt.Fprintf(d, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="#ffffff" stroke="%s" stroke-width="2"/>`+"\n", p.x, p.y, stroke)
	}
}

func (d *svg) end() []byte {
	d.WriteString("</svg>\n")
	return d.Bytes()
}

type point struct{ x, y float64 }
