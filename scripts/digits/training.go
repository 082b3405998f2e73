package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"
)

type training struct {
	epochs      int
	rate, decay float64
	seed        uint64
}

// An epoch is what one pass over the training set came to. Losses are means in
// nats; accuracy is the share of test images read right.
type epoch struct {
	number    int
	trainLoss float64
	testLoss  float64
	accuracy  float64
}

// print says it three times: for the program that watches, as numbers to plot,
// and for a person.
func (e epoch) print(w io.Writer, of int, elapsed time.Duration) {
	fmt.Fprintf(w, "::progress %d %d epoch %d of %d, accuracy %.2f %%\n", e.number, of, e.number, of, 100*e.accuracy)
	fmt.Fprintf(w, "::metric loss %.5f %d\n", e.trainLoss, e.number)
	fmt.Fprintf(w, "::metric accuracy %.5f %d\n", e.accuracy, e.number)
	fmt.Fprintf(w, "epoch %2d/%d  loss %.4f  test loss %.4f  accuracy %.2f %%  after %.1f s\n",
		e.number, of, e.trainLoss, e.testLoss, 100*e.accuracy, elapsed.Seconds())
}

// fit trains on one core and reports each epoch. It ends early, after the running
// epoch, when ctx ends; the history has at least one epoch.
func (t training) fit(ctx context.Context, net *network, train, test dataset, report func(epoch)) []epoch {
	random := rand.New(rand.NewPCG(t.seed, 0))
	var history []epoch
	for number := 1; number <= t.epochs; number++ {
		rate := float32(t.rate * math.Pow(t.decay, float64(number-1)))
		e := epoch{number: number}
		for _, i := range random.Perm(len(train.labels)) {
			e.trainLoss += net.learn(train.image(i), train.labels[i], rate)
		}
		e.trainLoss /= float64(len(train.labels))
		e.testLoss, e.accuracy = net.score(test)
		history = append(history, e)
		report(e)
		if ctx.Err() != nil {
			break
		}
	}
	return history
}

func (n *network) score(test dataset) (meanLoss, accuracy float64) {
	right := 0
	for i, label := range test.labels {
		a := n.forward(test.image(i))
		meanLoss += loss(a.probs, label)
		if a.digit() == label {
			right++
		}
	}
	count := float64(len(test.labels))
	return meanLoss / count, float64(right) / count
}

// A confusion counts test images by the digit that they show and the one that was
// read.
type confusion [classes][classes]int

func confusionOf(n *network, test dataset) (c confusion) {
	for i, label := range test.labels {
		c[label][n.forward(test.image(i)).digit()]++
	}
	return c
}
