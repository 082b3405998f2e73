// Digits trains a small network to read handwritten digits. It is the job of
// `make demo`, and a model of how a job talks to Moothall: inputs from $MOOT_IN,
// results into $MOOT_OUT, "::progress" and "::metric" lines on stdout.
//
// It reads the four gzipped IDX files of the MNIST set and writes model.json,
// metrics.csv, learning-curve.svg and confusion.svg. The same seed gives the same
// bytes. An interrupt ends the training after the running epoch and keeps the
// results.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// Exit codes besides 0, as in sysexits.h.
const (
	exitUsage   = 64
	exitDamaged = 65
	exitMissing = 66
	exitWrite   = 74
)

type options struct {
	in, out string
	training
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	opts, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(exitUsage)
	}
	if err := run(ctx, opts, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(exitCode(err))
	}
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("digits", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.in, "in", os.Getenv("MOOT_IN"), "folder with the four gzipped IDX files")
	flags.StringVar(&o.out, "out", os.Getenv("MOOT_OUT"), "folder for the results")
	flags.IntVar(&o.epochs, "epochs", 8, "times to go through the training set")
	flags.Float64Var(&o.rate, "rate", 0.01, "learning rate of the first epoch")
	flags.Float64Var(&o.decay, "decay", 0.8, "factor on the learning rate after each epoch")
	flags.Uint64Var(&o.seed, "seed", 1, "of the first weights and the order of the images")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.in == "" || o.out == "":
		err = errors.New("say where to read and write: -in and -out, or MOOT_IN and MOOT_OUT")
	case o.epochs < 1 || o.epochs > 1000:
		err = errors.New("-epochs is 1 to 1000")
	}
	if err != nil {
		fmt.Fprintln(stderr, "error:", err)
	}
	return o, err
}

func run(ctx context.Context, o options, stdout io.Writer) error {
	train, err := load(o.in, "train")
	if err != nil {
		return err
	}
	test, err := load(o.in, "t10k")
	if err != nil {
		return err
	}
	if train.pixels != test.pixels {
		return damaged("training images have %d pixels, test images %d", train.pixels, test.pixels)
	}
	fmt.Fprintf(stdout, "%d images to learn from, %d to be tested on\n", len(train.labels), len(test.labels))
	start := time.Now()
	net := newNetwork(train.pixels, o.seed)
	history := o.fit(ctx, net, train, test, func(e epoch) {
		e.print(stdout, o.epochs, time.Since(start))
	})
	return write(o.out, net, history, confusionOf(net, test))
}

func exitCode(err error) int {
	var in *inputError
	if errors.As(err, &in) {
		return in.code
	}
	return exitWrite
}
