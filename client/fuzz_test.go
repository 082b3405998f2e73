package client

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// mute takes all that is said to it, and says nothing.
type mute struct{}

func (mute) SendWait(context.Context, []byte) error { return nil }
func (mute) Frames() <-chan []byte                  { return nil }

// FuzzFrames gives who follows a job any three frames of its worker: states only go
// forward, the job and its place stay the same, and no file comes of them alone.
func FuzzFrames(f *testing.F) {
	code := 256
	event := func(e events.JobEvent) []byte {
		e.JobID = "j-x"
		return events.Pack(events.FrameEvent, e)
	}
	running := event(events.JobEvent{Seq: 1, Kind: events.JobEventState, State: events.JobRunning})
	done := event(events.JobEvent{Seq: 1<<64 - 1, Kind: events.JobEventState, State: events.JobDone, ExitCode: &code, Outputs: []events.FileHeader{{Name: "../x", Size: -1}}})
	f.Add(running, done, done)
	f.Add(running, event(events.JobEvent{Seq: 2, Kind: events.JobEventMetric, Name: "a", Value: 1e308}), event(events.JobEvent{Seq: 2, Kind: events.JobEventOutput, Line: "\x1b", More: true}))
	f.Add(event(events.JobEvent{Seq: 3, Kind: events.JobEventState, State: events.JobFailed, Outputs: []events.FileHeader{{Name: "a", SHA256: "00"}}}), running, events.Pack(events.FrameError, events.Error{}))
	f.Add(events.Pack(events.FrameNeeds, events.JobNeeds{JobID: "j-x", Prove: []int{-1}}), events.Pack(events.FrameAck, events.JobAck{JobID: ".."}), events.Pack(events.FrameHello, events.JobHello{Nonce: "\n"}))
	f.Add(events.Pack(events.FrameListing, events.MountListing{More: true}), events.Pack(events.FrameListing, events.MountListing{Entries: []events.MountEntry{{Name: "b"}, {Name: "a"}}}), []byte{1})
	home := f.TempDir()
	if err := os.Mkdir(filepath.Join(home, "to"), 0o700); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, one, two, three []byte) {
		c := &Client{cfg: Config{Room: "lab"}, log: slog.New(slog.DiscardHandler)}
		r := newRun(c, Job{To: filepath.Join(home, "to")}, nil)
		last := events.JobState("")
		r.report = func(u JobUpdate) {
			if u.Kind == UpdateState && place(u.State) <= place(last) {
				t.Fatalf("%s comes after %s", u.State, last)
			} else if u.Kind == UpdateState {
				last = u.State
			}
		}
		if err := r.prepareFolder(); err != nil {
			t.Fatal(err)
		}
		defer r.close()
		r.wire = wire{control: mute{}, bulk: mute{}, err: func() error { return nil }}
		r.worker, r.result.JobID = events.Worker{PeerID: "heron", Incarnation: 7}, "j-x"
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		follow := &following{run: r, seat: r.seat(), wants: true, next: 1, needs: make(chan events.JobNeeds, 1)}
		for _, frame := range [][]byte{one, two, three} {
			before := follow.next
			if !follow.over {
				follow.frame(ctx, frame)
			}
			if follow.next < before {
				t.Fatalf("after event %d comes %d", before, follow.next)
			}
			if ack, err := accepted(frame); err == nil && !filepath.IsLocal(ack.JobID) {
				t.Fatalf("the job %q is taken", ack.JobID)
			}
			if page, err := listingIn(frame); err == nil && ordered(page, "") == nil && page.More && len(page.Entries) == 0 {
				t.Fatal("a listing goes on and brings nothing")
			}
			_ = follow.greeted(frame)
		}
		follow.halt()
		if r.result.JobID != "j-x" || len(r.result.Outputs) > 0 || follow.seat.PeerID != "heron" {
			t.Fatalf("%+v", r.result)
		}
		_ = filepath.WalkDir(home, func(path string, d fs.DirEntry, _ error) error {
			if !d.IsDir() {
				t.Fatalf("%s is there", path)
			}
			return nil
		})
	})
}
