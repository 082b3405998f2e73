package main

import (
	"math"
	"math/rand/v2"
)

const hidden = 64

// A network has one hidden layer of rectified units and a softmax on top. The
// first layer is kept by input, so that a black pixel costs nothing: four in five
// pixels of a handwritten digit are black.
type network struct {
	First      [][hidden]float32        `json:"first"` // by pixel
	FirstBias  [hidden]float32          `json:"first_bias"`
	Second     [classes][hidden]float32 `json:"second"`
	SecondBias [classes]float32         `json:"second_bias"`
}

func newNetwork(pixels int, seed uint64) *network {
	random := rand.New(rand.NewPCG(seed, uint64(pixels)))
	n := &network{First: make([][hidden]float32, pixels)}
	scale := math.Sqrt(2 / float64(pixels))
	for i := range n.First {
		for j := range n.First[i] {
			n.First[i][j] = float32(random.NormFloat64() * scale)
		}
	}
	scale = math.Sqrt(2.0 / hidden)
	for k := range n.Second {
		for j := range n.Second[k] {
			n.Second[k][j] = float32(random.NormFloat64() * scale)
		}
	}
	return n
}

// An activation is what one image does to the network.
type activation struct {
	units [hidden]float32
	probs [classes]float32
}

func (n *network) forward(image []byte) activation {
	a := activation{units: n.FirstBias}
	for i, p := range image {
		if p == 0 {
			continue
		}
		x, row := brightness(p), &n.First[i]
		for j := range a.units {
			a.units[j] += x * row[j]
		}
	}
	for j, u := range a.units {
		a.units[j] = max(u, 0)
	}
	for k := range a.probs {
		sum := n.SecondBias[k]
		for j, u := range a.units {
			sum += u * n.Second[k][j]
		}
		a.probs[k] = sum
	}
	softmax(&a.probs)
	return a
}

// learn takes one step of gradient descent on one image and returns its loss
// before the step.
func (n *network) learn(image []byte, label byte, rate float32) float64 {
	a := n.forward(image)
	var back [hidden]float32
	for k, p := range a.probs {
		if k == int(label) {
			p--
		}
		step, row := rate*p, &n.Second[k]
		for j, u := range a.units {
			back[j] += step * row[j]
			row[j] -= step * u
		}
		n.SecondBias[k] -= step
	}
	for j, u := range a.units {
		if u == 0 {
			back[j] = 0
		}
		n.FirstBias[j] -= back[j]
	}
	for i, p := range image {
		if p == 0 {
			continue
		}
		x, row := brightness(p), &n.First[i]
		for j := range back {
			row[j] -= x * back[j]
		}
	}
	return loss(a.probs, label)
}

func brightness(pixel byte) float32 { return float32(pixel) / 255 }

func softmax(v *[classes]float32) {
	top := v[0]
	for _, x := range v {
		top = max(top, x)
	}
	var sum float32
	for k, x := range v {
		v[k] = float32(math.Exp(float64(x - top)))
		sum += v[k]
	}
	for k := range v {
		v[k] /= sum
	}
}

// loss is the cross entropy in nats, bounded where a probability rounds to zero.
func loss(probs [classes]float32, label byte) float64 {
	return -math.Log(max(float64(probs[label]), 1e-9))
}

// digit is the most probable one.
func (a activation) digit() byte {
	best := 0
	for k, p := range a.probs {
		if p > a.probs[best] {
			best = k
		}
	}
	return byte(best)
}
