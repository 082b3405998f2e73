package session

import (
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

// A change of this key parts old releases from new ones: it is to be made on purpose.
func TestHardened_IsTheSameEverywhere(t *testing.T) {
	const want = "23a31a7f01646c1e80354f20e832911722e89d3ca3342b763a658ad3db5a7ab8"
	if got := hardened("lab", "correct horse"); got.Reveal() != want {
		t.Errorf("%s", got.Reveal())
	}
	if hardened("lab", "") != "" {
		t.Error("no secret is a secret")
	}
	for _, other := range []events.Secret{hardened("attic", "correct horse"), hardened("lab", "correct horsf")} {
		if other.Reveal() == want || len(other) != len(want) {
			t.Errorf("%s", other.Reveal())
		}
	}
}

// What a hub that carries signatures pays for each guess at the secret behind them.
func BenchmarkHardened(b *testing.B) {
	for b.Loop() {
		hardened("lab", "correct horse")
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(time.Millisecond), "ms/guess")
}

// A signature is bound to the hardened secret, not to the secret.
func TestSignaller_SignsWithTheHardenedSecret(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		x := newPair(t, h, "weak", "weak")
		defer x.close()
		s, err := x.out.sign(offer("n1"))
		must(t, err)
		if err := s.Verify(x.p.Key(), "weak"); err == nil {
			t.Error("the hub need only try words")
		}
		must(t, s.Verify(x.p.Key(), hardened(room, "weak").Reveal()))
	})
}
