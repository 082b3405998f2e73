package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
)

// planView is --dry-run --json, and in that of --explain.
type planView struct {
	RoomID     string         `json:"room_id"`
	Command    string         `json:"command"`
	Worker     string         `json:"worker"` // that would be asked first, "" if none
	Candidates []workerView   `json:"candidates"`
	Rejected   []rejectedView `json:"rejected"`
	Inputs     []inputView    `json:"inputs"`
	InputBytes int64          `json:"input_bytes"`
	Error      *events.Error  `json:"error,omitempty"`
}

// An inputView is what a job would see as MOOT_IN/Name.
type inputView struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	InPlace bool   `json:"in_place,omitempty"`
}

func viewOfPlan(plan client.Plan, j client.Job) *planView {
	v := planView{
		RoomID: plan.List.RoomID, Command: j.Command, Candidates: []workerView{}, Rejected: rejectedViews(plan.Rejected), Inputs: []inputView{},
	}
	for _, w := range plan.Candidates {
		v.Candidates = append(v.Candidates, viewOf(w))
	}
	if len(v.Candidates) > 0 {
		v.Worker = v.Candidates[0].PeerID
	}
	for _, in := range plan.Inputs {
		v.Inputs = append(v.Inputs, inputView(in))
		v.InputBytes += in.Size
	}
	return &v
}

// plan prints where a job would run and what would be sent there.
func (p *program) plan(ctx context.Context, c *client.Client, j client.Job) error {
	plan, err := c.Plan(ctx, j)
	if err != nil && plan.List.RoomID == "" {
		return err
	}
	v := viewOfPlan(plan, j)
	if p.json {
		return p.printWithError(v, &v.Error, err)
	}
	explainPlan(p.out, plan)
	if err != nil {
		return err
	}
	fmt.Fprint(p.out, foretold(v))
	return nil
}

// foretold is what a run would do.
func foretold(v *planView) string {
	var b strings.Builder
	for _, in := range v.Inputs {
		if in.InPlace {
			fmt.Fprintf(&b, "would use  %s  in place\n", cli.Printable(in.Path))
			continue
		}
		fmt.Fprintf(&b, "would send %s  %s\n", cli.Printable(in.Path), bytesText(in.Size))
	}
	on := v.Worker
	if len(v.Candidates) > 0 {
		on = cmp.Or(v.Candidates[0].Name, on)
	}
	fmt.Fprintf(&b, "would run %s on %s", cli.Printable(v.Command), cli.Printable(on))
	if v.InputBytes > 0 {
		fmt.Fprintf(&b, " after %s of inputs", bytesText(v.InputBytes))
	}
	b.WriteString("; nothing was reserved\n")
	return b.String()
}

// explainPlan says how the workers were ranked and why others were rejected.
func explainPlan(w io.Writer, plan client.Plan) {
	var b strings.Builder
	fmt.Fprintf(&b, "asked: %s, term %d, %.0f ms; ranked by GPU memory, then by id\n", plan.List.Source, plan.List.Term.N, plan.List.QueryMS)
	for i, c := range plan.Candidates {
		fmt.Fprintf(&b, "%3d. %s  %s  %d MB  %d of %d slots free\n", i+1,
			cli.Printable(nameOf(c)), cli.Printable(c.PeerID), c.Metadata.Properties.GPUMemoryMB, c.Slots.Free, c.Slots.Total)
	}
	names := map[string]string{}
	for _, w := range plan.List.Workers {
		names[w.PeerID] = nameOf(w)
	}
	for _, r := range plan.Rejected {
		fmt.Fprintf(&b, "  -  %s rejected: %s\n", cli.Printable(cmp.Or(names[r.PeerID], r.PeerID)), cli.Printable(r.Reason))
	}
	fmt.Fprint(w, b.String())
}
