package main

import (
	"fmt"
	"math"
	"strconv"
)

// learningCurve draws losses and accuracy by epoch, side by side.
func learningCurve(history []epoch) []byte {
	last := history[len(history)-1]
	d := newSVG(900, 440, "Learning to read digits",
		fmt.Sprintf("%.2f %% of the test images read right after %d epochs", 100*last.accuracy, last.number))
	losses := panel{title: "Loss (nats)", x: 76, y: 124, w: 320, h: 250, epochs: len(history), format: plain}
	losses.draw(d, []series{
		{"training", orange, column(history, func(e epoch) float64 { return e.trainLoss })},
		{"test", blue, column(history, func(e epoch) float64 { return e.testLoss })},
	})
	accuracy := panel{title: "Test accuracy", x: 530, y: 124, w: 320, h: 250, epochs: len(history), format: percent}
	accuracy.draw(d, []series{{"", blue, column(history, func(e epoch) float64 { return e.accuracy })}})
	return d.end()
}

func column(history []epoch, of func(epoch) float64) []float64 {
	var values []float64
	for _, e := range history {
		values = append(values, of(e))
	}
	return values
}

func plain(v float64) string   { return strconv.FormatFloat(v, 'g', 4, 64) }
func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + " %" }

// A series is one line of a panel; a name is written in its legend.
type series struct {
	name, colour string
	values       []float64
}

// A panel is one pair of axes: epochs to the right, values up.
type panel struct {
	title      string
	x, y, w, h float64
	epochs     int
	format     func(float64) string
}

func (p panel) draw(d *svg, all []series) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range all {
		for _, v := range s.values {
			low, high = min(low, v), max(high, v)
		}
	}
	marks := ticks(low, high)
	low, high = marks[0], marks[len(marks)-1]
	height := func(v float64) float64 { return p.y + p.h*(1-(v-low)/(high-low)) }

	d.text(p.x-48, p.y-20, p.title, ink, `font-weight="600"`)
	for _, m := range marks {
		d.line(p.x, height(m), p.x+p.w, height(m), rule)
		d.text(p.x-10, height(m)+4, p.format(m), quiet, `text-anchor="end" font-size="12"`)
	}
	for e := 1; e <= p.epochs; e += 1 + (p.epochs-1)/12 {
		d.text(p.across(e), p.y+p.h+22, strconv.Itoa(e), quiet, `text-anchor="middle" font-size="12"`)
	}
	d.text(p.x+p.w/2, p.y+p.h+44, "epoch", quiet, `text-anchor="middle" font-size="12"`)
	for i, s := range all {
		points := make([]point, len(s.values))
		for e, v := range s.values {
			points[e] = point{p.across(e + 1), height(v)}
		}
		d.curve(points, s.colour)
		if s.name != "" {
			at := p.x + p.w - 150 + float64(i)*90
			d.rect(at, p.y-29, 14, 4, s.colour)
			d.text(at+20, p.y-20, s.name, quiet, `font-size="12"`)
		}
	}
}

// across is the place of an epoch; a lone one stands in the middle.
func (p panel) across(epoch int) float64 {
	if p.epochs == 1 {
		return p.x + p.w/2
	}
	return p.x + 12 + (p.w-24)*float64(epoch-1)/float64(p.epochs-1)
}

// ticks are 3 to 8 round numbers that span low to high.
func ticks(low, high float64) []float64 {
	if high-low < 1e-6 {
		low, high = low-0.001, high+0.001
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/3)))
	for _, factor := range []float64{5, 2} {
		if (high-low)/(step*factor) >= 3 {
			step *= factor
			break
		}
	}
	var marks []float64
	for i := math.Floor(low/step + 1e-9); ; i++ {
		marks = append(marks, i*step)
		if i*step >= high-step*1e-9 {
			return marks
		}
	}
}
