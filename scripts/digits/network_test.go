package main

import (
	"math"
	"testing"
)

// A step of learning goes down the slope that small changes of a weight show.
func TestLearn_FollowsTheGradient(t *testing.T) {
	image := []byte{0, 30, 255, 120, 0, 90}
	const label, rate, nudge = 3, 1e-3, 1e-2
	at := func(change func(*network)) float64 {
		n := newNetwork(len(image), 5)
		change(n)
		return loss(n.forward(image).probs, label)
	}
	before, after := newNetwork(len(image), 5), newNetwork(len(image), 5)
	after.learn(image, label, rate)
	weights := map[string]func(*network) *float32{}
	for j := range 8 {
		weights["first "+string(rune('0'+j))] = func(n *network) *float32 { return &n.First[2][j] }
		weights["first bias "+string(rune('0'+j))] = func(n *network) *float32 { return &n.FirstBias[j] }
		weights["second "+string(rune('0'+j))] = func(n *network) *float32 { return &n.Second[j][4*j] }
		weights["second bias "+string(rune('0'+j))] = func(n *network) *float32 { return &n.SecondBias[j] }
	}
	for name, weight := range weights {
		slope := (at(func(n *network) { *weight(n) += nudge }) - at(func(n *network) { *weight(n) -= nudge })) / (2 * nudge)
		step := float64(*weight(before)-*weight(after)) / rate
		if math.Abs(slope-step) > 0.02*math.Abs(slope)+2e-3 {
			t.Errorf("%s: slope %.4f, step %.4f", name, slope, step)
		}
	}
}

func TestTicks_SpanTheValuesWithRoundNumbers(t *testing.T) {
	for _, c := range []struct{ low, high float64 }{{0, 1}, {0.0252, 0.2376}, {0.957, 0.976}, {0.5, 0.5}, {1, 1}, {0.9999, 1}, {3, 700}} {
		marks := ticks(c.low, c.high)
		if n := len(marks); n < 3 || n > 9 || marks[0] > c.low+1e-9 || marks[n-1] < c.high-1e-6 {
			t.Errorf("%v to %v: %v", c.low, c.high, marks)
		}
	}
}
