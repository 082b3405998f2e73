package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

// A rival is a system of our kind. The program of tests/peers runs it.
type rival struct {
	name, program string
	sample        sample
	false         int      // living nodes called gone
	lost          int      // updates that did not come to all
	troubles      []string // what did not work
}

// What can lose a leader, and what can spread an update.
var (
	leaders   = []string{"etcd", "nats", "memberlist", "memberlist-tuned"}
	spreaders = []string{"udp", "nats-core", "nats-kv"}
)

// rivals are none if their program is not built: it needs a network once.
func rivals(bin string, names []string) (all []rival) {
	program := filepath.Join(bin, "peers")
	if _, err := os.Stat(program); err != nil {
		fmt.Fprintf(os.Stderr, "no rows of peers (%s): %v\n  try: make peers\n", strings.Join(names, ", "), err)
		return nil
	}
	for _, name := range names {
		all = append(all, rival{name: name, program: program, sample: sample{what: name, unit: milliseconds}})
	}
	return all
}

// rivalPatience is for one start and each kill or update.
const rivalPatience = 3 * time.Minute

// run measures n times what the program's flag names. A rival that fails is no failure
// of the bench: the table says so.
func (r *rival) run(ctx context.Context, flag string, n int) {
	if n == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(n+1)*rivalPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.program, "-peer", r.name, flag, fmt.Sprint(n))
	stage.Tie(cmd)
	// It ends its processes and removes their files.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err == nil {
		err = r.take(out)
	}
	if err != nil {
		r.troubles = append(r.troubles, err.Error())
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", r.name, err, said.String())
	}
}

// take adds what the program printed.
func (r *rival) take(out []byte) error {
	var said struct {
		What    string    `json:"what"`
		Seconds []float64 `json:"seconds"`
		Lost    int       `json:"lost"`
		False   int       `json:"false_departed"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return err
	}
	r.sample.what = said.What
	r.lost, r.false = r.lost+said.Lost, r.false+said.False
	for _, s := range said.Seconds {
		r.sample.add(1000 * s)
	}
	return nil
}

// against is the rival's row beside ours, when we should need less.
func (r rival) against(ours sample) sample {
	return r.noted(ours, func(theirs, ours float64) string { return fmt.Sprintf("%.1f x ours", theirs/ours) })
}

// below is the rival's row beside ours, when it does less than we do.
func (r rival) below(ours sample) sample {
	return r.noted(ours, func(theirs, ours float64) string { return fmt.Sprintf("ours is %.1f x that", ours/theirs) })
}

func (r rival) noted(ours sample, ratio func(theirs, ours float64) string) sample {
	s := r.sample
	var notes []string
	if len(s.values) > 0 && len(ours.values) > 0 {
		notes = append(notes, ratio(s.at(0.5), ours.at(0.5)))
	}
	if r.lost > 0 {
		notes = append(notes, fmt.Sprintf("lost %d", r.lost))
	}
	if r.false > 0 {
		notes = append(notes, fmt.Sprintf("called the living gone %d times", r.false))
	}
	if len(r.troubles) > 0 {
		notes = append(notes, fmt.Sprintf("failed %d times", len(r.troubles)))
	}
	s.note = strings.Join(notes, ", ")
	return s
}
