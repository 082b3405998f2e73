package main

// A mutant is the code without one rule.
type mutant struct {
	rule    string
	changes []change
}

type change struct{ file, old, new string }

const (
	fence     = "worker/election/fence.go"
	standing  = "worker/replica/standing.go"
	frames    = "worker/replica/frames.go"
	liveness  = "worker/liveness/liveness.go"
	registry  = "signaling/registry.go"
	claim     = "signaling/claim.go"
	presence  = "signaling/presence.go"
	rowText   = "worker/roster/text.go"
	hubShell  = "tests/sim/hub.go"
	storeFile = "tests/sim/store.go"
)

var mutants = []mutant{
	{"term fence", []change{
		{fence, "if v == Newer {", "if v != Same {"},
		{standing, "if c.IsZero() || r.fence.Judge(c.Term) != election.Newer {", "if c.IsZero() || r.fence.Judge(c.Term) == election.Same {"},
	}},
	{"incarnation in the seat", []change{
		{registry, "Incarnation: max(d.Record.Serial, last+1, had+1)}", "Incarnation: 1 + 0*(last+had)}"},
	}},
	{"compare-and-set", []change{{storeFile, "if at != s.revision {", "if at < 0 {"}}},
	{"blind-hub wait", []change{
		{presence, "if p.since.After(from) {", "if p.since.After(from) && p.ttl == 0 {"},
	}},
	{"self-doubt", []change{
		{liveness, "		p.window = now\n", ""},
	}},
	{"witness rule", []change{
		{liveness, "p.answered > RecentAnswer || ", ""},
		{claim, "t.AnsweredMS >= 0 && t.AnsweredMS <= maxAnsweredMS &&\n		t.SilentMS <= maxAnsweredMS-t.AnsweredMS+now.Sub(f.Lost).Milliseconds()", "true"},
	}},
	{"veto", []change{{frames, "		r.detector.Vouched(v.Seat.PeerID, r.now)\n", ""}}},
	{"re-announcement", []change{{hubShell, "if h.world.store.record.Unannounced() {", "if false {"}}},
	{"certificate check", []change{
		{frames, "if err := c.Verify(r.cfg.Room, r.hub.keys); err != nil {\n		return err\n	}\n	r.acceptShown(c)", "r.acceptShown(c)"},
		{standing, "if err := c.Verify(r.cfg.Room, r.hub.keys); err != nil {", "if err := error(nil); err != nil {"},
	}},
	{"row signature", []change{{rowText, "events.VerifyText(key, unsigned, signature)", "error(nil)"}}},
}
