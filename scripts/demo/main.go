// Demo plays the main job on real input: a hub and three workers as processes of
// their own, a room that elects its admin, a network that learns to read digits on
// one of the workers, the admin killed, and jobs that outlive their client and their
// worker. Each step is measured beside its bound;
// a missed one prints FAIL and the demo exits 1.
//
// It takes free ports and folders of its own, so several demos run side by side.
// KEEP=1 leaves hub and workers running.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/moothall/moothall/scripts/stage"
)

const (
	binaries = "bin"
	results  = "demo-out"
	logLines = 15

	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, newPrinter(os.Stdout))
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "interrupted; hub and workers are ended")
		os.Exit(exitInterrupted)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run plays the demo. The error says what kept it from being played to its end;
// a step that failed is printed where it stands.
func run(ctx context.Context, out *printer) error {
	start := time.Now()
	bin, err := filepath.Abs(binaries)
	if err != nil {
		return err
	}
	p := &play{digits: filepath.Join(bin, "digits"), say: out}
	if p.inputs, err = fetchDigits(ctx); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "moothall-demo-*")
	if err != nil {
		return err
	}
	p.to = filepath.Join(results, start.Format("2006-01-02-150405-")+strings.TrimPrefix(filepath.Base(dir), "moothall-demo-"))
	if p.stage, err = stage.Open(ctx, stage.Config{Bin: bin, Dir: dir, Room: "demo"}); err != nil {
		return err
	}
	out.title("moothall demo  " + version(ctx, bin))
	out.note("hub", p.stage.HTTP+"  "+p.stage.NATS)
	out.note("folder", dir)
	if p.play(ctx) && os.Getenv("KEEP") != "" {
		fmt.Print(p.lookAround())
		if out.failed {
			return errors.New("a bound was missed")
		}
		return nil
	}
	if out.failed && ctx.Err() == nil {
		fmt.Print(p.stage.Logs(logLines))
	}
	p.stage.Close()
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), os.RemoveAll(dir))
	}
	if out.failed {
		return fmt.Errorf("the demo failed after %.0f s; its logs are in %s", time.Since(start).Seconds(), dir)
	}
	fmt.Printf("%s all %d steps in %.0f s. The job's files: %s\n", out.paint(green, "DONE"), len(steps), time.Since(start).Seconds(), p.to)
	return os.RemoveAll(dir)
}

// play goes through the steps until one does not come to its end, and reports
// whether all did.
func (p *play) play(ctx context.Context) bool {
	defer func() {
		if p.watch != nil {
			p.watch.close()
		}
	}()
	for i, s := range steps {
		found, m, err := s.do(p, ctx)
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			p.say.broken(i+1, s.name, err)
			return false
		}
		p.say.step(i+1, s.name, found, m)
	}
	return true
}

func version(ctx context.Context, bin string) string {
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "moothall"), "version").Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(strings.TrimPrefix(line, "moothall"))
}

// lookAround says what to type while the room is left running.
func (p *play) lookAround() string {
	var pids []string
	for _, id := range p.stage.PIDs() {
		pids = append(pids, fmt.Sprint(id))
	}
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("\nLeft running. Look around:")
	say("  set -a; . %s; set +a", p.stage.ClientEnv())
	say("  bin/moot workers")
	say("  bin/moot admin")
	say("  bin/moot watch")
	say("  bin/moot run -i %s --to ./out -- digits", strings.Join(quoted(p.inputs), " -i "))
	for _, w := range p.stage.Workers {
		if w.PeerID == p.elected.Admin {
			say("  curl -s %s", w.URL)
		}
	}
	say("  tail -f %s/*.log", p.stage.Dir)
	say("The job's files: %s", p.to)
	say("End it:")
	say("  kill %s", strings.Join(pids, " "))
	say("  rm -r %s", p.stage.Dir)
	return b.String()
}

// quoted are paths as a shell reads them: the module cache has exclamation marks.
func quoted(paths []string) []string {
	var all []string
	for _, p := range paths {
		all = append(all, "'"+p+"'")
	}
	return all
}
