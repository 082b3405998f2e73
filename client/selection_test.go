package client

import (
	"reflect"
	"testing"

	"github.com/moothall/moothall/events"
)

// The answer to a filter is kept for whoever asks with the same one: not with another
// in any field, and not with a map that the caller has changed since.
func TestSnapshot_AFilterIsTakenForNoOther(t *testing.T) {
	a, b := worker("worker-a", 8000, events.StatusAvailable), worker("worker-b", 24000, events.StatusBusy)
	a.Metadata.Tags, b.Metadata.Tags = map[string]string{"site": "x"}, map[string]string{"site": "y"}
	s := snapshotOf(events.WorkerList{}, []events.Worker{a, b}, 0)
	tags := map[string]string{"site": "x"}
	for _, c := range []struct {
		site string
		f    events.Filters
		want string
	}{
		{"x", events.Filters{Tags: tags}, "worker-a"},
		{"x", events.Filters{Tags: tags}, "worker-a"},
		{"y", events.Filters{Tags: tags}, "worker-b"},
		{"y", events.Filters{Tags: tags, Status: events.StatusBusy}, "worker-b"},
		{"y", events.Filters{MinGPUMemoryMB: 16000}, "worker-b"},
		{"y", events.Filters{PeerID: "worker-a"}, "worker-a"},
	} {
		tags["site"] = c.site
		list := s.answer(c.f)
		if len(list.Workers) != 1 || list.Workers[0].PeerID != c.want || len(list.Rejected) != 1 || list.Rejected[0].PeerID == c.want {
			t.Errorf("%+v: %v, rejected %v", c.f, list.Workers, list.Rejected)
		}
	}
}

func TestFilters_EqualLooksAtEveryField(t *testing.T) {
	zero := reflect.TypeFor[events.Filters]()
	for i := range zero.NumField() {
		var f events.Filters
		switch v := reflect.ValueOf(&f).Elem().Field(i); v.Kind() {
		case reflect.String:
			v.SetString("x")
		case reflect.Int64:
			v.SetInt(1)
		case reflect.Map:
			v.Set(reflect.ValueOf(map[string]string{"site": "x"}))
		default:
			t.Fatalf("what is a %s?", v.Kind())
		}
		if f.Equal(events.Filters{}) || !f.Equal(f) {
			t.Errorf("%s is not looked at", zero.Field(i).Name)
		}
	}
}
