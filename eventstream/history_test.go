package eventstream

import (
	"strings"
	"testing"
)

func TestListEventsPages(t *testing.T) {
	log := openLog(t, LogOptions{})
	for i := range 10 {
		appendMany(t, log, "c", i, 1)
		appendMany(t, log, "d", i, 1)
	}
	for _, limit := range []int{1, 3, 5, 10, 100} {
		var got []string
		pages := 0
		for token := ""; pages == 0 || token != ""; pages++ {
			events, following, err := log.ListEvents(testContext(t), "c", token, limit, false)
			if err != nil {
				t.Fatal(err)
			}
			if len(events) > limit {
				t.Errorf("%d events on a page of %d", len(events), limit)
			}
			for _, ev := range events {
				got = append(got, ev.CallEvent.GetId())
			}
			token = following
		}
		if want := strings.Join(ids("c", 0, 10), " "); strings.Join(got, " ") != want {
			t.Errorf("limit %d: %v", limit, got)
		}
		if want := (10 + limit - 1) / limit; pages != want {
			t.Errorf("limit %d: %d pages, want %d", limit, pages, want)
		}
	}
}

func TestListEventsOfAnUnknownCall(t *testing.T) {
	log := openLog(t, LogOptions{})
	appendMany(t, log, "c", 0, 1)
	wantHistory(t, log, "d")
}

func TestListEventsBoundsAPageInBytes(t *testing.T) {
	log := openLog(t, LogOptions{})
	const many = 20
	for i := range many {
		rec := record(ids("c", i, 1)[0], "c", typeCallConnected)
		rec.Data = []byte(`{"padding":"` + strings.Repeat("x", readBytes/4) + `"}`)
		mustAppend(t, log, rec)
	}
	total := 0
	for token, first := "", true; first || token != ""; first = false {
		events, following, err := log.ListEvents(testContext(t), "c", token, 1000, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 || len(events) > 4 {
			t.Errorf("%d events on one page", len(events))
		}
		total, token = total+len(events), following
	}
	if total != many {
		t.Errorf("%d events", total)
	}
}
