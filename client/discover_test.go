package client_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

// three hires three workers of which the first is admin and knows all.
func three(h *house) []*hand {
	a, b, c := h.hire("worker-1", 16000), h.hire("worker-2", 24000), h.hire("worker-3", 8000)
	a.knows(
		a.row(16000, events.StatusAvailable, "track"),
		b.row(24000, events.StatusAvailable, "track"),
		c.row(8000, events.StatusAvailable, "track"),
	)
	return []*hand{a, b, c}
}

func dismiss(hands []*hand) {
	for _, w := range hands {
		w.close()
	}
}

// seen are the ids in a list.
func seen(l events.WorkerList) string {
	var all []string
	for _, w := range l.Workers {
		all = append(all, w.PeerID)
	}
	return strings.Join(all, " ")
}

// Work list 5.1, 5.2, 5.4.
func TestDiscover_AsksTheAdminWithNoFilters(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		hands := three(h)
		defer dismiss(hands)
		v := h.visit()
		defer v.Close()
		list, err := v.Workers(context.Background(), events.Filters{})
		if err != nil || list.Source != events.SourceAdmin || seen(list) != "worker-1 worker-2 worker-3" {
			t.Fatalf("source %s, workers %s, error %v", list.Source, seen(list), err)
		}
		for _, w := range list.Workers {
			if w.Status != events.StatusAvailable {
				t.Errorf("%s is %s", w.PeerID, w.Status)
			}
		}
		if list.AdminPeerID != "worker-1" || h.asked.Load() != 0 || v.warned() != "" {
			t.Errorf("admin %s, asked over HTTP %d times", list.AdminPeerID, h.asked.Load())
		}
	})
}

// Work list 5.4.
func TestDiscover_WithGPUMemoryFilter(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		hands := three(h)
		defer dismiss(hands)
		v := h.visit()
		defer v.Close()
		list, err := v.Workers(context.Background(), events.Filters{MinGPUMemoryMB: 16000})
		if err != nil || seen(list) != "worker-1 worker-2" || list.Total != 3 {
			t.Fatalf("workers %s of %d, error %v", seen(list), list.Total, err)
		}
		if len(list.Rejected) != 1 || list.Rejected[0].Reason != "has 8000 MB GPU memory, less than 16000" {
			t.Errorf("rejected %+v", list.Rejected)
		}
	})
}

// Work list 5.4.
func TestDiscover_WithStatusFilter(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		hands := three(h)
		defer dismiss(hands)
		hands[0].knows(hands[0].row(16000, events.StatusBusy), hands[1].row(24000, events.StatusAvailable))
		v := h.visit()
		defer v.Close()
		list, err := v.Workers(context.Background(), events.Filters{Status: events.StatusAvailable})
		if err != nil || seen(list) != "worker-2" {
			t.Fatalf("workers %s, error %v", seen(list), err)
		}
	})
}

// Work list 5.3, 5.4: the hub says on joining who is admin, and the client keeps it.
func TestJoin_AdminPeerIDComesFromTheHub(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		hands := three(h)
		defer dismiss(hands)
		v := h.visit()
		defer v.Close()
		info, err := v.Admin(context.Background())
		if err != nil || info.AdminPeerID != "worker-1" || info.Term != 1 || info.Reason != events.ReasonFirst {
			t.Fatalf("%+v, error %v", info, err)
		}
		// The query needs no question to the hub before it.
		list, err := v.Workers(context.Background(), events.Filters{})
		if err != nil || list.Source != events.SourceAdmin {
			t.Errorf("source %s, error %v", list.Source, err)
		}
	})
}

// Work list 5.2, 5.4.
func TestDiscover_FallsBackToHTTP(t *testing.T) {
	cases := []struct {
		name   string
		admin  func(*hand)
		within time.Duration
		warns  string
	}{
		{"the admin is silent", func(a *hand) {
			a.answers(func(events.Query) (events.WorkerList, error) {
				time.Sleep(time.Second)
				return events.WorkerList{}, nil
			})
		}, 1100 * time.Millisecond, "the admin worker-1 did not answer in 500 ms; asked the hub over HTTP instead (roster may be up to 15 s old)"},
		{"the admin says that it is none", func(a *hand) {
			a.answers(func(events.Query) (events.WorkerList, error) {
				return events.WorkerList{}, events.Errorf(events.CodeNotAdmin, "worker-1 is not the admin")
			})
		}, 100 * time.Millisecond, "could not be asked: worker-1 is not the admin; asked the hub over HTTP instead"},
		{"the admin answers in a term that is over", func(a *hand) {
			a.answers(func(q events.Query) (events.WorkerList, error) {
				l := a.list(q)
				l.Term.N--
				return l, nil
			})
		}, 100 * time.Millisecond, "asked the hub over HTTP instead"},
		{"the admin raises the term by itself", func(a *hand) {
			a.answers(func(q events.Query) (events.WorkerList, error) {
				l := a.list(q)
				l.Term.N++
				return l, nil
			})
		}, 100 * time.Millisecond, "asked the hub over HTTP instead"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inHouse(t, func(t *testing.T, h *house) {
				hands := three(h)
				defer dismiss(hands)
				c.admin(hands[0])
				v := h.visit()
				defer v.Close()
				begun := time.Now()
				list, err := v.Workers(context.Background(), events.Filters{MinGPUMemoryMB: 16000})
				if err != nil || list.Source != events.SourceHTTP || seen(list) != "worker-1 worker-2" {
					t.Fatalf("source %s, workers %s, error %v", list.Source, seen(list), err)
				}
				if took := time.Since(begun); took > c.within {
					t.Errorf("took %s, at most %s", took, c.within)
				}
				if len(list.Rejected) != 1 || list.Total != 3 {
					t.Errorf("total %d, rejected %+v", list.Total, list.Rejected)
				}
				if w := v.warned(); !strings.Contains(w, c.warns) {
					t.Errorf("warned %q, want %q", w, c.warns)
				}
			})
		})
	}
}

// An admin that changed is asked after all: the hub says who it is now.
func TestDiscover_AsksAgainWhoIsAdmin(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		hands := three(h)
		defer dismiss(hands)
		first := true
		hands[0].answers(func(q events.Query) (events.WorkerList, error) {
			if first {
				first = false
				return events.WorkerList{}, events.Errorf(events.CodeNotAdmin, "not confirmed yet")
			}
			return hands[0].list(q), nil
		})
		v := h.visit()
		defer v.Close()
		list, err := v.Workers(context.Background(), events.Filters{})
		if err != nil || list.Source != events.SourceAdmin || v.warned() != "" {
			t.Errorf("source %s, error %v", list.Source, err)
		}
	})
}

// A client that missed an election accepts the new admin on the hub's certificate.
func TestDiscover_FollowsTheAdmin(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		hands := three(h)
		defer dismiss(hands[1:])
		v := h.visit()
		defer v.Close()
		hands[1].knows(hands[1].row(24000, events.StatusAvailable))
		hands[0].leave()
		hands[1].claim()
		list, err := v.Workers(context.Background(), events.Filters{})
		if err != nil || list.Source != events.SourceAdmin || list.AdminPeerID != "worker-2" || list.Term.N != 2 {
			t.Errorf("source %s, admin %s, term %d, error %v", list.Source, list.AdminPeerID, list.Term.N, err)
		}
	})
}

// Work list 8.1: clients check the flag before they ask the admin.
func TestDiscover_FlagOffAsksHTTPOnly(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		hands := three(h)
		defer dismiss(hands)
		v := h.visit(func(c *client.Config) { c.Registry = false })
		defer v.Close()
		for range 2 {
			list, err := v.Workers(context.Background(), events.Filters{})
			if err != nil || list.Source != events.SourceHTTP || list.Total != 3 {
				t.Fatalf("source %s, total %d, error %v", list.Source, list.Total, err)
			}
		}
		if hands[0].asked.Load() != 0 {
			t.Error("the admin was asked")
		}
		if w := v.warned(); !strings.Contains(w, "/discover-workers goes away on ") || v.warned() != "" {
			t.Errorf("warned %q, want the end of the old way, once", w)
		}
	})
}

func TestDiscover_AnEmptyRoomIsNoFailure(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		v := h.visit()
		defer v.Close()
		list, err := v.Workers(context.Background(), events.Filters{})
		if err != nil || list.Total != 0 || list.Workers == nil || v.warned() != "" {
			t.Errorf("%+v, error %v", list, err)
		}
	})
}

func TestDiscover_NobodyAnswersWithin5s(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		v := h.visit()
		defer v.Close()
		h.answersHTTP.Store(false)
		v.line.tear()
		begun := time.Now()
		_, err := v.Workers(context.Background(), events.Filters{})
		if events.CodeOf(err) != events.CodeUnreachable {
			t.Errorf("error %v", err)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
