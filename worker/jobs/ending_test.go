package jobs

import (
	"syscall"
	"testing"
)

func TestEnding_AsksHarderAndHarder(t *testing.T) {
	want := func(what string, got, want syscall.Signal) {
		t.Helper()
		if got != want {
			t.Errorf("%s: signal %d, want %d", what, got, want)
		}
	}
	e := ending{limits: DefaultLimits()}
	want("stop", e.begin(stopped), syscall.SIGINT)
	timer := e.timer
	want("stop again", e.begin(stopped), 0)
	if e.timer != timer {
		t.Error("asking twice prolongs the grace")
	}
	want("after the grace", e.escalate(), syscall.SIGTERM)
	want("after the second", e.escalate(), syscall.SIGKILL)
	if e.timer != nil || e.cause != stopped {
		t.Errorf("then %+v", e)
	}
}

func TestEnding_HardCausesStand(t *testing.T) {
	e := ending{limits: DefaultLimits()}
	e.begin(stopped)
	if s := e.begin(canceled); s != syscall.SIGTERM || e.cause != canceled {
		t.Errorf("cancel after stop: signal %d, cause %+v", s, e.cause)
	}
	for _, c := range []cause{stopped, shutDown, failing("x")} {
		if s := e.begin(c); s != 0 || e.cause != canceled {
			t.Errorf("%+v after cancel: signal %d, cause %+v", c, s, e.cause)
		}
	}
}
