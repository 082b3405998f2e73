package main

import (
	"fmt"
	"strconv"
)

// confusionMatrix draws which digits were taken for which. Right ones lie on the
// diagonal; blue and orange deepen with the share of their row.
func confusionMatrix(c confusion) []byte {
	const cell, left, top = 50.0, 92.0, 128.0
	right, all := 0, 0
	for shown, row := range c {
		right += row[shown]
		all += total(row)
	}
	d := newSVG(700, 690, "Which digit was taken for which",
		fmt.Sprintf("%d of %d test images read right", right, all))
	middle := left + cell*classes/2
	d.text(middle, 94, "read as", quiet, `text-anchor="middle"`)
	d.text(0, 0, "shown", quiet, fmt.Sprintf(`text-anchor="middle" transform="translate(44 %.1f) rotate(-90)"`, top+cell*classes/2))
	d.text(left+cell*classes+16, top-12, "right", quiet, "")
	for k, row := range c {
		at := float64(k) * cell
		d.text(left+at+cell/2, top-12, strconv.Itoa(k), ink, `text-anchor="middle" font-weight="600"`)
		d.text(left-16, top+at+cell/2+5, strconv.Itoa(k), ink, `text-anchor="end" font-weight="600"`)
		for read, n := range row {
			drawCell(d, left+float64(read)*cell, top+at, cell, n, total(row), read == k)
		}
		if sum := total(row); sum > 0 {
			share := fmt.Sprintf("%.1f %%", 100*float64(row[k])/float64(sum))
			d.text(left+cell*classes+16, top+at+cell/2+5, share, quiet, "")
		}
	}
	return d.end()
}

func drawCell(d *svg, x, y, size float64, n, of int, right bool) {
	fill, words := "#f6f7f9", quiet
	switch {
	case n == 0:
	case right:
		share := float64(n) / float64(of)
		fill, words = blend("#dbe8f6", blue, share*share), "#ffffff"
		if share < 0.7 {
			words = ink
		}
	default:
		// Mistakes are rare: the deepest orange stands for 4 % of the row.
		fill, words = blend("#fdf0e4", orange, min(1, 25*float64(n)/float64(of))), ink
	}
	d.rect(x+1, y+1, size-2, size-2, fill)
	if n > 0 {
		d.text(x+size/2, y+size/2+5, strconv.Itoa(n), words, `text-anchor="middle"`)
	}
}

func total(row [classes]int) (sum int) {
	for _, n := range row {
		sum += n
	}
	return sum
}

// blend is the colour at share (0 to 1) of the way between two colours "#rrggbb".
func blend(from, to string, share float64) string {
	a, b := rgb(from), rgb(to)
	var mixed [3]int
	for i := range mixed {
		mixed[i] = int(float64(a[i]) + share*float64(b[i]-a[i]) + 0.5)
	}
	return fmt.Sprintf("#%02x%02x%02x", mixed[0], mixed[1], mixed[2])
}

func rgb(colour string) (c [3]int) {
	if _, err := fmt.Sscanf(colour, "#%02x%02x%02x", &c[0], &c[1], &c[2]); err != nil {
		panic("digits: not a colour: " + colour)
	}
	return c
}
