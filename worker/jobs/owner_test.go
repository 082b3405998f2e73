package jobs

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
)

func newOwner(t *testing.T) (key nkeys.KeyPair, public string) {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err == nil {
		public, err = key.PublicKey()
	}
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

// nonce asks the worker for the link's nonce.
func (c *caller) nonce() string {
	c.t.Helper()
	c.send(events.FrameHello, events.JobHello{V: 1})
	ft, payload := c.next()
	var h events.JobHello
	if err := json.Unmarshal(payload, &h); ft != events.FrameHello || err != nil || len(h.Nonce) < 20 {
		c.t.Fatalf("frame %d %s, want a nonce", ft, payload)
	}
	return h.Nonce
}

// A job belongs to its owner's key: whoever holds it may act on the job from another
// process, over its own link, and each signature is good for one action there.
func TestOwner_ActsFromAnotherProcess(t *testing.T) {
	r := newRig(t, nil)
	key, public := newOwner(t)
	other, _ := newOwner(t)
	alice := r.call("alice")
	id := alice.startWith(events.JobStart{V: 1, Lease: alice.reserve(), Command: "sh", Args: []string{`echo up; sleep 1000`}, Owner: public})
	alice.until(says("up"))
	alice.hangUp()

	bob, nora := r.call("bob"), r.call("nora")
	nonce, norasNonce := bob.nonce(), nora.nonce()
	if nonce == norasNonce || nonce != bob.nonce() {
		t.Fatalf("nonces %q and %q", nonce, norasNonce)
	}
	good := events.JobProof{Room: "lab", Worker: "worker-1", Incarnation: 7, Action: events.ActionLogs, JobID: id, From: "bob", Nonce: nonce}
	for name, change := range map[string]func(*events.JobProof){
		"another action":      func(p *events.JobProof) { p.Action = events.ActionCancel },
		"another job":         func(p *events.JobProof) { p.JobID = "j-aaaaaaaa" },
		"another link":        func(p *events.JobProof) { p.Nonce = norasNonce },
		"another peer":        func(p *events.JobProof) { p.From = "nora" },
		"another worker":      func(p *events.JobProof) { p.Worker = "worker-2" },
		"another incarnation": func(p *events.JobProof) { p.Incarnation = 6 },
		"another room":        func(p *events.JobProof) { p.Room = "den" },
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			change(&p)
			bob.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id, Signature: sign(t, p, key)})
			wantCode(t, bob.answer(), events.CodeForbidden)
		})
	}
	bob.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id, Signature: sign(t, good, other)})
	wantCode(t, bob.answer(), events.CodeForbidden)

	bob.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id, Signature: sign(t, good, key)})
	bob.until(says("up"))
	bob.send(events.FrameAttach, events.JobAttach{V: 1, JobID: id, Outputs: true, Signature: sign(t, good, key)})
	wantCode(t, bob.answer(), events.CodeForbidden) // who may read the log has not asked for the outputs
	cancel := good
	cancel.Action = events.ActionCancel
	bob.send(events.FrameSignal, events.JobSignal{V: 1, JobID: id, Action: events.ActionCancel, Signature: sign(t, cancel, key)})
	if _, last := bob.end(); last.State != events.JobCanceled {
		t.Errorf("ended as %+v", last)
	}
}

func sign(t *testing.T, p events.JobProof, key events.Signer) string {
	t.Helper()
	sig, err := p.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// Without a nonce nothing is signed for, and a job without an owner is its starter's.
func TestOwner_NoneAndNoNonce(t *testing.T) {
	r := newRig(t, nil)
	key, public := newOwner(t)
	alice := r.call("alice")
	owned := alice.startWith(events.JobStart{V: 1, Lease: alice.reserve(), Command: "sh", Args: []string{"true"}, Owner: public})
	alice.end()
	alice.hangUp()
	alice = r.call("alice")
	alone := alice.start("sh", "true")
	alice.end()
	bob := r.call("bob")
	p := events.JobProof{Room: "lab", Worker: "worker-1", Incarnation: 7, Action: events.ActionLogs, JobID: owned, From: "bob"}
	bob.send(events.FrameAttach, events.JobAttach{V: 1, JobID: owned, Signature: sign(t, p, key)})
	wantCode(t, bob.answer(), events.CodeForbidden)
	p.Nonce, p.JobID = bob.nonce(), alone
	bob.send(events.FrameAttach, events.JobAttach{V: 1, JobID: alone, Signature: sign(t, p, key)})
	wantCode(t, bob.answer(), events.CodeForbidden)
	alice.hangUp()
	alice = r.call("alice")
	alice.send(events.FrameStart, events.JobStart{V: 1, Lease: alice.reserve(), Command: "sh", Owner: "me"})
	wantCode(t, alice.answer(), events.CodeInvalid)
}

// pages reads the whole list as a client does.
func (r *rig) pages() (all []events.JobInfo, pages int) {
	r.t.Helper()
	ask := events.ListJobs{V: 1, Type: events.TypeListJobs}
	for {
		page, err := r.List(ask)
		if err != nil {
			r.t.Fatal(err)
		}
		text, err := json.Marshal(page)
		if err != nil || len(text) > events.MaxMessage {
			r.t.Fatalf("a page of %d bytes, %v", len(text), err)
		}
		all, pages = append(all, page.Jobs...), pages+1
		if !page.More {
			return all, pages
		}
		last := page.Jobs[len(page.Jobs)-1]
		ask.Before, ask.BeforeID = last.Created, last.JobID
	}
}

func TestList_AJobsWholeLife(t *testing.T) {
	r := newRig(t, nil)
	c := r.call("alice")
	id := c.start("sh", `echo up; read -r x; echo x >"$MOOT_OUT/x"; exit 3`)
	_, last := c.end()
	all, _ := r.pages()
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	j := all[0]
	if j.JobID != id || j.Worker != "worker-1" || j.Command != "sh" || j.State != events.JobFailed || j.ExitCode == nil || *j.ExitCode != 3 ||
		j.Fetched || len(j.Outputs) != 1 || j.Seq != last.Seq || j.Created.IsZero() || j.Started.Before(j.Created.Time) || j.Ended.Before(j.Started.Time) {
		t.Errorf("%+v", j)
	}
	// The next process of the worker says the same.
	r.halt()
	again := newRig(t, func(c *Config) { c.Dir = r.dir })
	restarted, _ := again.pages()
	if before, after := fmt.Sprintf("%+v", withoutCode(j)), fmt.Sprintf("%+v", withoutCode(restarted[0])); before != after || *restarted[0].ExitCode != 3 {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}

// withoutCode leaves the pointer out and times as they travel.
func withoutCode(j events.JobInfo) events.JobInfo {
	j.ExitCode = nil
	for _, at := range []*events.Time{&j.Created, &j.Started, &j.Ended} {
		*at = events.At(at.UTC().Truncate(time.Millisecond))
	}
	return j
}

// A thousand jobs come in pages, newest first, each once.
func TestList_PagesOfAThousandJobs(t *testing.T) {
	r := newRig(t, nil)
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1000 {
		l := &eventLog{next: 2, more: make(chan struct{})}
		l.changed(state(events.JobDone))
		j := &job{id: fmt.Sprintf("j-%04d", i), command: "sh", created: events.At(base.Add(time.Duration(i/10) * time.Millisecond)), log: l}
		r.mu.Lock()
		r.jobs[j.id] = j
		r.mu.Unlock()
	}
	all, pages := r.pages()
	if len(all) != 1000 || pages < 2 {
		t.Fatalf("%d jobs on %d pages", len(all), pages)
	}
	for i, j := range all {
		if j.JobID != fmt.Sprintf("j-%04d", 999-i) {
			t.Fatalf("job %d is %s", i, j.JobID)
		}
	}
	one, err := r.List(events.ListJobs{V: 1, JobID: "j-0007"})
	if err != nil || len(one.Jobs) != 1 || one.Jobs[0].JobID != "j-0007" {
		t.Errorf("%+v, %v", one, err)
	}
}

// A job is listed when it is whole, not before.
func TestList_WhileJobsAreMade(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Slots = 8 })
	done := make(chan struct{})
	listed := make(chan struct{})
	go func() {
		defer close(listed)
		for {
			select {
			case <-done:
				return
			default:
				r.pages()
			}
		}
	}()
	for range 8 {
		r.call("alice").start("sh", "true")
	}
	close(done)
	<-listed
}
