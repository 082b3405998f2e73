package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

const testJob = "j-4K2Q"

// A stage is a job on a worker that a test plays, from the moment it was taken.
type stage struct {
	*following
	peer    *peer
	dialed  chan *peer // what a new link leads to; nothing waits: nobody answers
	holds   holding    // what the hub says of the seat
	news    chan holding
	seats   []events.Seat // that were dialled
	cancel  context.CancelFunc
	updates []JobUpdate
}

func (s *stage) dial(_ context.Context, seat events.Seat) (wire, error) {
	s.seats = append(s.seats, seat)
	select {
	case p := <-s.dialed:
		return p.ours, nil
	default:
		return wire{}, events.Errorf(events.CodeUnreachable, "no answer")
	}
}

func (*stage) Peer() string { return "client-1" }

func (s *stage) holder(context.Context, events.Seat) (holding, error) { return s.holds, nil }

// stageJob sets a job up; play runs it to its end. Both belong into a bubble.
func stageJob(t *testing.T, j Job) *stage {
	t.Helper()
	p := connect(t)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	c := &Client{cfg: Config{Room: "lab"}, log: slog.New(slog.DiscardHandler)}
	s := &stage{peer: p, dialed: make(chan *peer, 8), holds: holding{incarnation: 7}, news: make(chan holding, 1), cancel: cancel}
	r := newRun(c, j, func(u JobUpdate) { s.updates = append(s.updates, u) })
	r.worker = events.Worker{PeerID: "worker-1", Name: "calm-heron", Incarnation: 7}
	r.lease = events.JobLease{Incarnation: 7, Seq: 1}
	r.wire, r.result.JobID, r.result.Worker = p.ours, testJob, "worker-1"
	r.state = events.JobReserved
	s.following = &following{run: r, peers: s, seat: r.seat(), wants: true, news: s.news, next: 1, asked: ctx.Done()}
	return s
}

// play runs the job beside the worker's part and returns its error.
func (s *stage) play(part func(*peer)) error {
	done := make(chan struct{})
	go func() { defer close(done); part(s.peer) }()
	s.send(context.Background())
	s.loop(context.Background())
	s.run.close()
	<-done
	return s.err
}

// waits counts how often a person was told that something is waited for.
func (s *stage) waits() (n int) {
	for _, u := range s.updates {
		if u.Kind == UpdateWait {
			n++
		}
	}
	return n
}

func (s *stage) states() string {
	var all []string
	for _, u := range s.updates {
		if u.Kind == UpdateState {
			all = append(all, string(u.State))
		}
	}
	return strings.Join(all, " ")
}

func (s *stage) lines() string {
	var all []string
	for _, u := range s.updates {
		if u.Kind == UpdateOutput {
			all = append(all, u.Event.Line)
		}
	}
	return strings.Join(all, "|")
}

func line(seq uint64, text string) events.JobEvent {
	return events.JobEvent{Seq: seq, Kind: events.JobEventOutput, Stream: events.StreamStdout, Line: text}
}

func TestFollow_PassesEventsOnAndEndsWithTheExitCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track"})
		err := s.play(func(p *peer) {
			p.state(1, events.JobRunning)
			p.event(line(2, "frame 1"))
			p.event(events.JobEvent{Seq: 3, Kind: events.JobEventProgress, Done: 1, Total: 2})
			p.event(line(4, "frame 2"))
			p.exited(5, 3)
		})
		if err != nil || s.result.State != events.JobFailed || *s.result.ExitCode != 3 {
			t.Errorf("ended %s with %v, error %v", s.result.State, s.result.ExitCode, err)
		}
		if s.states() != "running failed" || s.lines() != "frame 1|frame 2" {
			t.Errorf("states %q, lines %q", s.states(), s.lines())
		}
	})
}

// A link that ends while the worker is a member is made again, and no event is lost
// or shown twice.
func TestFollow_ReattachesFromTheNextEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track"})
		p2 := connect(t)
		s.dialed <- p2
		err := s.play(func(p *peer) {
			p.state(1, events.JobRunning)
			p.event(line(2, "one"))
			p.cut()
			var a events.JobAttach
			p2.next(events.FrameAttach, &a)
			if a.Since != 3 || a.JobID != testJob || a.Outputs {
				t.Errorf("attached with %+v", a)
			}
			p2.event(line(2, "one"))
			p2.event(line(3, "two"))
			p2.exited(4, 0)
		})
		if err != nil || s.result.State != events.JobDone || s.lines() != "one|two" || s.waits() != 0 {
			t.Errorf("ended %s, lines %q, error %v", s.result.State, s.lines(), err)
		}
	})
}

// Work list 4.2 and the interface: a worker that is silent for 15 s or has departed has
// 30 s to come back; then the client says lost.
func TestFollow_SaysLostWithin46s(t *testing.T) {
	const limit = 46 * time.Second
	cases := []struct {
		name string
		kill func(s *stage, p *peer)
		why  string
	}{
		{"the hub saw it crash", func(s *stage, p *peer) { s.news <- holding{7, events.ReasonCrashed} }, "it left the room: crashed, and did not come back within 30 s"},
		{"its link ended and the hub says it left", func(s *stage, p *peer) { s.holds.gone = events.ReasonLeft; p.cut() }, "it left the room"},
		{"nobody but the link notices", func(s *stage, p *peer) {
			time.Sleep(suspectAfter)
			p.suspect <- true
			time.Sleep(failAfter)
			p.cut()
		}, "nothing heard of it for 45 s"},
		{"silence without end", func(s *stage, p *peer) { time.Sleep(suspectAfter); p.suspect <- true }, "nothing heard of it for 45 s"},
		{"the link ended and nobody answers", func(s *stage, p *peer) { p.cut() }, "nothing heard of it for 45 s"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stageJob(t, Job{Command: "track"})
				begun := time.Now()
				err := s.play(func(p *peer) {
					p.state(1, events.JobRunning)
					c.kill(s, p)
				})
				if events.CodeOf(err) != events.CodeLost || !strings.Contains(err.Error(), c.why) {
					t.Errorf("error %v, want lost: %s", err, c.why)
				}
				if took := time.Since(begun); took > limit {
					t.Errorf("took %s, at most %s allowed", took, limit)
				}
				if s.result.State != events.JobLost || s.states() != "running lost" {
					t.Errorf("ended %s, states %q", s.result.State, s.states())
				}
				if n := s.waits(); n > 1 || n == 0 && c.name == "the link ended and nobody answers" {
					t.Errorf("a person was told %d times that the link broke", n)
				}
			})
		})
	}
}

// The hub not hearing a worker is no reason to give up a job whose link lives.
func TestFollow_KeepsAJobWhoseWorkerOnlyTheHubMisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track"})
		err := s.play(func(p *peer) {
			p.state(1, events.JobRunning)
			s.news <- holding{7, events.ReasonSilent}
			time.Sleep(time.Minute)
			p.exited(2, 0)
		})
		if err != nil || s.result.State != events.JobDone {
			t.Errorf("ended %s, error %v", s.result.State, err)
		}
	})
}

// The worker was killed and started again: its next process is dialled as soon as the
// hub says that it is there, and offers the job from the next event on.
func TestFollow_GoesOnWithTheWorkersNextProcess(t *testing.T) {
	for _, told := range []string{"by an event", "when it asks"} {
		t.Run(told, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stageJob(t, Job{Command: "track"})
				p2 := connect(t)
				s.dialed <- p2
				begun := time.Now()
				err := s.play(func(p *peer) {
					p.state(1, events.JobRunning)
					p.event(line(2, "one"))
					time.Sleep(time.Second)
					if told == "by an event" {
						s.news <- holding{7, events.ReasonCrashed}
						time.Sleep(20 * time.Second)
						s.news <- holding{8, ""}
					} else {
						s.holds = holding{8, ""}
						p.cut()
					}
					var a events.JobAttach
					p2.next(events.FrameAttach, &a)
					if a.Since != 3 {
						t.Errorf("attached with %+v", a)
					}
					p2.event(line(3, "two"))
					p2.exited(4, 0)
				})
				if err != nil || s.result.State != events.JobDone || s.lines() != "one|two" {
					t.Errorf("ended %s, lines %q, error %v", s.result.State, s.lines(), err)
				}
				if want := []events.Seat{{PeerID: "worker-1", Incarnation: 8}}; !slices.Equal(s.seats, want) {
					t.Errorf("dialled %v", s.seats)
				}
				if took := time.Since(begun); took > 22*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

func TestFollow_LostWhenTheWorkerDoesNotKnowTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track"})
		p2 := connect(t)
		s.dialed <- p2
		err := s.play(func(p *peer) {
			p.state(1, events.JobRunning)
			p.cut()
			p2.next(events.FrameAttach, &events.JobAttach{})
			p2.send(events.FrameError, events.Errorf(events.CodeNoJob, "no job %s", testJob))
		})
		if events.CodeOf(err) != events.CodeLost {
			t.Errorf("error %v, want lost", err)
		}
	})
}

// Links that break at once are not tried for ever.
func TestFollow_GivesUpOnLinksThatBringNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track"})
		for range idleRelinks + 2 {
			p := connect(t)
			p.cut()
			s.dialed <- p
		}
		err := s.play(func(p *peer) { p.cut() })
		if events.CodeOf(err) != events.CodeLost {
			t.Errorf("error %v, want lost", err)
		}
		if left := len(s.dialed); left != 2 {
			t.Errorf("%d links were not tried, want 2", left)
		}
	})
}

// Ctrl-C leaves the job: nothing is asked of the worker, and the error says how to come
// back.
func TestFollow_InterruptLeavesTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track"})
		err := s.play(func(p *peer) {
			p.state(1, events.JobRunning)
			synctest.Wait()
			s.cancel()
			if frame, ok := <-p.control.Frames(); ok {
				t.Errorf("sent %q", frame)
			}
		})
		e := events.AsError(err)
		if e.Code != events.CodeDetached || s.result.State != events.JobRunning || !strings.Contains(e.Try, "moot logs -f "+testJob) {
			t.Errorf("ended %s, error %+v", s.result.State, e)
		}
	})
}

// What has ended and is on its way here stays at the worker.
func TestFollow_InterruptWhileOutputsCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track", To: t.TempDir()})
		if err := s.prepareFolder(); err != nil {
			t.Fatal(err)
		}
		err := s.play(func(p *peer) {
			p.exited(1, 0, events.FileHeader{Name: "tracks.csv", Size: 10, SHA256: strings.Repeat("00", 32)})
			p.next(events.FrameAttach, &events.JobAttach{})
			s.cancel()
		})
		if e := events.AsError(err); e.Code != events.CodeDetached || s.result.State != events.JobDone || e.Try != "moot get "+testJob {
			t.Errorf("ended %s, error %+v", s.result.State, e)
		}
	})
}

// A job whose inputs are not all there cannot go on alone: it is canceled, and its end
// waited for.
func TestFollow_InterruptWhileInputsGoCancels(t *testing.T) {
	for _, listens := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			input := filepath.Join(t.TempDir(), "movie.bin")
			if err := os.WriteFile(input, []byte("frames"), 0o600); err != nil {
				t.Fatal(err)
			}
			s := stageJob(t, Job{Command: "track", Inputs: []string{input}})
			begun := time.Now()
			err := s.play(func(p *peer) {
				p.state(1, events.JobSending)
				p.next(events.FrameInputs, &events.JobInputs{})
				synctest.Wait()
				s.cancel()
				if !listens {
					return
				}
				var sig events.JobSignal
				p.next(events.FrameSignal, &sig)
				if sig.Action != events.ActionCancel || sig.JobID != testJob {
					t.Errorf("sent %+v", sig)
				}
				p.state(2, events.JobCanceled)
			})
			if events.CodeOf(err) != events.CodeCanceled || s.result.State != events.JobCanceled {
				t.Errorf("ended %s, error %v", s.result.State, err)
			}
			if took := time.Since(begun); !listens && took != cancelBound {
				t.Errorf("waited %s, want %s", took, cancelBound)
			}
		})
	}
}

// With Detach the job is left as soon as it runs.
func TestFollow_DetachReturnsWhenTheJobRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track", Detach: true})
		err := s.play(func(p *peer) { p.state(1, events.JobRunning) })
		if err != nil || s.result.State != events.JobRunning || s.result.ExitCode != nil {
			t.Errorf("ended %s, error %v", s.result.State, err)
		}
	})
}

func TestFollow_CanceledBySomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track"})
		err := s.play(func(p *peer) { p.state(1, events.JobCanceled) })
		if events.CodeOf(err) != events.CodeCanceled || s.result.State != events.JobCanceled {
			t.Errorf("ended %s, error %v", s.result.State, err)
		}
	})
}

// sealed writes an output as a worker has it.
func sealed(t *testing.T, dir, name string, size int) (events.FileHeader, transfer.Source) {
	t.Helper()
	data := bytes.Repeat([]byte(name), size/len(name))
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return events.FileHeader{Name: name, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}, transfer.Source{Name: name, Path: path}
}

// sendUntil sends files until a part of one has come, and cuts the link.
func (p *peer) sendUntil(name string, files ...transfer.Source) {
	transfer.Send(context.Background(), p.bulk, files, func(at transfer.Progress) {
		if at.Name != name {
			time.Sleep(time.Second) // else the next report is left out
			return
		}
		synctest.Wait()
		p.cut()
	})
}

// The link ends while the outputs come: over the next one comes what is missing, from
// the byte on at which it was cut. A part that does not fit is dropped, and the file
// comes from its beginning.
func TestFollow_OutputsGoOnOverTheNextLink(t *testing.T) {
	for name, spoil := range map[string]bool{"the part fits": false, "the part was changed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to, from := t.TempDir(), t.TempDir()
				small, first := sealed(t, from, "small", 50)
				large, second := sealed(t, from, "large", 200_000)
				s := stageJob(t, Job{Command: "track", To: to})
				if err := s.prepareFolder(); err != nil {
					t.Fatal(err)
				}
				p2, p3 := connect(t), connect(t)
				s.dialed <- p2
				err := s.play(func(p *peer) {
					p.exited(1, 0, small, large)
					p.next(events.FrameAttach, &events.JobAttach{})
					p.sendUntil("large", first, second)
					var a events.JobAttach
					if spoil {
						part, err := os.OpenFile(filepath.Join(to, "large.part"), os.O_WRONLY, 0)
						if err != nil {
							t.Error(err)
							return
						}
						part.WriteAt([]byte("X"), 7)
						part.Close()
					}
					p2.next(events.FrameAttach, &a)
					if !a.Outputs || len(a.Want) != 1 || a.Want[0].File != 1 || a.Want[0].Offset == 0 || a.Want[0].Offset == large.Size {
						t.Errorf("attached with %+v", a)
						return
					}
					second.Offset = a.Want[0].Offset
					if spoil {
						s.dialed <- p3
					}
					transfer.Send(context.Background(), p2.bulk, []transfer.Source{second}, nil)
					if !spoil {
						return
					}
					var again events.JobAttach
					p3.next(events.FrameAttach, &again)
					if len(again.Want) != 1 || again.Want[0].Offset != 0 {
						t.Errorf("attached again with %+v", again)
					}
					second.Offset = 0
					transfer.Send(context.Background(), p3.bulk, []transfer.Source{second}, nil)
				})
				if err != nil || s.result.State != events.JobDone || len(s.result.Outputs) != 2 {
					t.Errorf("ended %+v, error %v", s.result, err)
				}
				if folder, err := os.ReadDir(to); err != nil || len(folder) != 2 {
					t.Errorf("%v, %v", folder, err)
				}
			})
		})
	}
}

// The link ends while the inputs go: over the next one go those that are missing, from
// the byte on at which it was cut.
func TestFollow_InputsGoOnOverTheNextLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		_, small := sealed(t, dir, "small", 50)
		const size = 16 << 20 // more than fits between the two
		_, large := sealed(t, dir, "large", size)
		s := stageJob(t, Job{Command: "track", Inputs: []string{small.Path, large.Path}})
		p2 := connect(t)
		s.dialed <- p2
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		take := func(p *peer, want ...events.JobWant) error {
			var offered events.JobInputs
			p.next(events.FrameInputs, &offered)
			if len(offered.Files) != 2 || offered.Files[1].Name != "large" || offered.Files[1].Size != int64(size/len("large")*len("large")) {
				t.Errorf("offered %+v", offered)
			}
			p.send(events.FrameNeeds, events.JobNeeds{V: 1, JobID: testJob, Want: want})
			_, err := transfer.Receive(context.Background(), p.bulk, root, transfer.Options{Resume: true}, func(at transfer.Progress) {
				switch {
				case at.Name == "small":
					time.Sleep(time.Second) // else the next report is left out
				case p == s.peer:
					p.cut()
				}
			})
			return err
		}
		err = s.play(func(p *peer) {
			p.state(1, events.JobSending)
			if err := take(p, events.JobWant{File: 0}, events.JobWant{File: 1}); events.CodeOf(err) != events.CodeUnreachable {
				t.Errorf("received: %v", err)
				return
			}
			part := transfer.Part(root, "large")
			if part == 0 || part == size {
				t.Errorf("%d bytes had arrived", part)
			}
			p2.next(events.FrameHello, &events.JobHello{})
			p2.send(events.FrameHello, events.JobHello{V: 1, Nonce: "second"})
			p2.next(events.FrameAttach, &events.JobAttach{})
			if err := take(p2, events.JobWant{File: 1, Offset: part}); err != nil {
				t.Error(err)
			}
			p2.state(2, events.JobRunning)
			p2.exited(3, 0)
		})
		if err != nil || s.result.State != events.JobDone {
			t.Errorf("ended %+v, error %v", s.result, err)
		}
	})
}

// A worker that refuses the inputs says why over the bulk channel, and that the job has
// failed over the other, which may be heard first.
func TestFollow_InputsThatTheWorkerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, large := sealed(t, t.TempDir(), "large", 200_000)
		s := stageJob(t, Job{Command: "track", Inputs: []string{large.Path}})
		err := s.play(func(p *peer) {
			p.state(1, events.JobSending)
			p.next(events.FrameInputs, &events.JobInputs{})
			p.send(events.FrameNeeds, events.JobNeeds{V: 1, JobID: testJob, Want: []events.JobWant{{}}})
			synctest.Wait()
			p.state(2, events.JobFailed)
			time.Sleep(breakGrace / 2)
			refusal := events.Pack(events.FrameFileError, events.Errorf(events.CodeFile, "no room for the files"))
			if err := p.bulk.SendWait(context.Background(), refusal); err != nil {
				t.Error(err)
			}
		})
		if events.CodeOf(err) != events.CodeFile || s.result.State != events.JobFailed {
			t.Errorf("ended %+v, error %v", s.result, err)
		}
	})
}

// Who is told that a job is another's learns nothing of how it ended.
func TestFollow_AnothersJobHasNotFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track"})
		err := s.play(func(p *peer) {
			p.send(events.FrameError, events.Errorf(events.CodeForbidden, "job %s belongs to another owner", testJob))
		})
		if events.CodeOf(err) != events.CodeForbidden || s.result.State == events.JobFailed || s.states() != "" {
			t.Errorf("ended %q by %q, error %v", s.result.State, s.states(), err)
		}
	})
}

// A worker that was started again while the inputs went has given the job up, and is
// asked to take none of them.
func TestFollow_InputsGoToNoLaterProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, large := sealed(t, t.TempDir(), "large", 200_000)
		s := stageJob(t, Job{Command: "track", Inputs: []string{large.Path}})
		p2 := connect(t)
		s.dialed <- p2
		s.holds = holding{incarnation: 8}
		err := s.play(func(p *peer) {
			p.state(1, events.JobSending)
			p.next(events.FrameInputs, &events.JobInputs{})
			p.cut()
			p2.next(events.FrameHello, &events.JobHello{})
			p2.send(events.FrameHello, events.JobHello{V: 1, Nonce: "second"})
			p2.next(events.FrameAttach, &events.JobAttach{})
			synctest.Wait()
			p2.event(events.JobEvent{Seq: 2, Kind: events.JobEventState, State: events.JobLost, Reason: "the worker was restarted before the job ran"})
			if frame, ok := <-p2.control.Frames(); ok {
				t.Errorf("sent %q", frame)
			}
		})
		if events.CodeOf(err) != events.CodeLost || s.result.State != events.JobLost {
			t.Errorf("ended %+v, error %v", s.result, err)
		}
	})
}

// The worker is lost while the outputs come: what is here whole is kept and named.
func TestFollow_LostWhileOutputsComeKeepsWhatIsHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, from := t.TempDir(), t.TempDir()
		small, first := sealed(t, from, "small", 50)
		large, second := sealed(t, from, "large", 200_000)
		s := stageJob(t, Job{Command: "track", To: to})
		if err := s.prepareFolder(); err != nil {
			t.Fatal(err)
		}
		err := s.play(func(p *peer) {
			p.exited(1, 0, small, large)
			p.next(events.FrameAttach, &events.JobAttach{})
			p.sendUntil("large", first, second)
		})
		if events.CodeOf(err) != events.CodeLost || len(s.result.Outputs) != 1 || s.result.Outputs[0].Name != "small" {
			t.Errorf("ended %+v, error %v", s.result, err)
		}
	})
}

// A worker that shuts down in the middle of a transfer says that it was canceled. That
// is no Ctrl-C of ours.
func TestFollow_TransferThatTheWorkerBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageJob(t, Job{Command: "track", To: t.TempDir()})
		if err := s.prepareFolder(); err != nil {
			t.Fatal(err)
		}
		err := s.play(func(p *peer) {
			p.exited(1, 0, events.FileHeader{Name: "tracks.csv", Size: 10, SHA256: strings.Repeat("00", 32)})
			var a events.JobAttach
			p.next(events.FrameAttach, &a)
			broken := events.Pack(events.FrameFileError, events.Errorf(events.CodeCanceled, "the transfer was canceled"))
			if err := p.bulk.SendWait(context.Background(), broken); err != nil {
				t.Error(err)
			}
		})
		if events.CodeOf(err) != events.CodeUnavailable || !strings.Contains(err.Error(), "calm-heron") || s.result.State != events.JobDone {
			t.Errorf("ended %s, error %v", s.result.State, err)
		}
	})
}
