package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/scripts/stage"
)

// A job that counts aloud: enough to be met in the middle of it.
const (
	counts    = 24
	midway    = 8
	countJob  = `i=1; while [ $i -le 24 ]; do echo count $i; i=$((i+1)); sleep 0.05; done`
	backBound = 10 * time.Second // ours: the job's rest and a client's or worker's start
)

// A counter is a client that runs the counting job, read line by line.
type counter struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// count starts the job on a worker and returns when it is midway.
func (p *play) count(ctx context.Context, peer string) (*counter, error) {
	cmd, err := p.stage.Moot(ctx, "run", "--worker", peer, "--", "sh", "-c", countJob)
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &counter{cmd: cmd, lines: bufio.NewScanner(out)}
	for i := 1; i <= midway; i++ {
		if !c.lines.Scan() || c.lines.Text() != fmt.Sprintf("count %d", i) {
			return c, fmt.Errorf("the job said %q, not count %d", c.lines.Text(), i)
		}
	}
	return c, nil
}

// counted reports by an error that lines are missing or came twice.
func counted(from int, lines *bufio.Scanner) error {
	for i := from; i <= counts; i++ {
		if !lines.Scan() || lines.Text() != fmt.Sprintf("count %d", i) {
			return fmt.Errorf("the job said %q, not count %d", lines.Text(), i)
		}
	}
	if lines.Scan() {
		return fmt.Errorf("the job said %q, which is too much", lines.Text())
	}
	return nil
}

// follower is a survivor that is not admin: it may be killed without an election.
func (p *play) follower() stage.Spec {
	i := slices.IndexFunc(workers, func(w stage.Spec) bool { return w.PeerID != p.admin && w.PeerID != p.elected.Admin })
	return p.cast(workers[i])
}

// leave kills the client in the middle of its job; another one comes back to it.
func (p *play) leave(ctx context.Context) (string, measure, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*backBound)
	defer cancel()
	peer := p.follower().PeerID
	c, err := p.count(ctx, peer)
	if err != nil {
		return "", measure{}, err
	}
	killed := time.Now()
	if err := c.cmd.Process.Kill(); err != nil {
		return "", measure{}, err
	}
	_ = c.cmd.Wait() // killed, as it should be
	id, err := p.newest(ctx)
	if err != nil {
		return "", measure{}, err
	}
	log, err := moot(ctx, p.stage, nil, "logs", "-f", id)
	if err != nil {
		return "", measure{}, err
	}
	if err := counted(1, bufio.NewScanner(bytes.NewReader(log))); err != nil {
		return "", measure{}, err
	}
	return fmt.Sprintf("client killed (-9) at line %d; moot logs -f %s read all %d", midway, id, counts), within(backBound, killed), nil
}

// newest asks `moot jobs` for the newest job.
func (p *play) newest(ctx context.Context) (string, error) {
	out, err := moot(ctx, p.stage, nil, "jobs", "--json")
	if err != nil {
		return "", err
	}
	var list struct {
		Jobs []struct {
			JobID string `json:"job_id"`
		} `json:"jobs"`
	}
	if err := json.Unmarshal(out, &list); err != nil || len(list.Jobs) == 0 {
		return "", errors.Join(errors.New("moot jobs lists none"), err)
	}
	return list.Jobs[0].JobID, nil
}

// restart kills the worker in the middle of a job and starts it again.
func (p *play) restart(ctx context.Context) (string, measure, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*backBound)
	defer cancel()
	spec := p.follower()
	c, err := p.count(ctx, spec.PeerID)
	if err != nil {
		return "", measure{}, err
	}
	killed := time.Now()
	i := slices.IndexFunc(p.stage.Workers, func(w *stage.Worker) bool { return w.PeerID == spec.PeerID })
	p.stage.Workers[i].Kill()
	if _, err := p.stage.Add(spec); err != nil {
		return "", measure{}, err
	}
	if err := counted(midway+1, c.lines); err != nil {
		return "", measure{}, err
	}
	if err := c.cmd.Wait(); err != nil {
		return "", measure{}, fmt.Errorf("the client: %w", err)
	}
	return fmt.Sprintf("%s killed (-9) at line %d and started again; its client read on to %d", spec.PeerID, midway, counts),
		within(backBound, killed), nil
}

// wait lets a second client ask for a worker that is busy.
func (p *play) wait(ctx context.Context) (string, measure, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*backBound)
	defer cancel()
	peer := p.follower().PeerID
	c, err := p.count(ctx, peer)
	if err != nil {
		return "", measure{}, err
	}
	asked := time.Now()
	out, err := moot(ctx, p.stage, nil, "run", "--json", "--worker", peer, "--", "sh", "-c", "true")
	took := within(backBound, asked)
	var refused events.ErrorReply
	if decoded := json.Unmarshal(out, &refused); decoded != nil || refused.Error == nil || refused.Error.Code != events.CodeAllBusy {
		return "", measure{}, errors.Join(fmt.Errorf("a second client was told: %s", out), err, decoded)
	}
	if err := errors.Join(counted(midway+1, c.lines), c.cmd.Wait()); err != nil {
		return "", measure{}, err
	}
	return "a second client: " + refused.Error.Message, took, nil
}
