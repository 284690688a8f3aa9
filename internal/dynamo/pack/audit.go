// Package pack encodes the compact attributes of items. It knows no keys and no table.
package pack

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/ident"
)

// auditText is the stored form of an Audit: JSON, with packed figures.
type auditText struct {
	Day      analytics.Day `json:"day"`
	Began    int64         `json:"began"` // in milliseconds since 1970
	Pass     int           `json:"pass"`
	Done     bool          `json:"done,omitzero"`
	Segments []bool        `json:"segments,omitzero"`
	Figures  []figuresText `json:"figures,omitzero"`
	Suspects []figuresText `json:"suspects,omitzero"`
}

// figuresText is the stored form of one journey's recount, or of one suspect.
type figuresText struct {
	Tenant  string       `json:"t"`
	Journey ident.ID     `json:"j"`
	Graphs  []countsText `json:"g,omitzero"`
	Newer   int          `json:"n,omitzero"`
	Moved   int64        `json:"m,omitzero"` // Counters.Forgotten of a suspect
}

// countsText is the stored form of one graph's figures or, if Wrong is positive, of
// its number of wrong enrollments.
type countsText struct {
	Hash    string `json:"h"`
	Version int    `json:"v,omitzero"`
	Counts  []byte `json:"c,omitzero"`
	Wrong   int    `json:"w,omitzero"`
}

// Audit returns the stored form of an audit without its Rev.
func Audit(a analytics.Audit) ([]byte, error) {
	encoded := auditText{Day: a.Day, Began: a.Began.UnixMilli(), Pass: a.Pass, Done: a.Done, Segments: a.Segments}
	if a.Recount != nil {
		encoded.Figures = encodeRecount(a.Recount)
	}
	for k, forgotten := range a.Suspects {
		suspect := encodeJourneyKey(k)
		suspect.Moved = forgotten
		encoded.Suspects = append(encoded.Suspects, suspect)
	}
	text, err := json.Marshal(encoded)
	if err != nil {
		return nil, fmt.Errorf("pack: encode the audit: %w", err)
	}
	return text, nil
}

// ReadAudit decodes what Audit returned.
func ReadAudit(text []byte) (analytics.Audit, error) {
	var encoded auditText
	if err := json.Unmarshal(text, &encoded); err != nil {
		return analytics.Audit{}, fmt.Errorf("pack: read the audit: %w", err)
	}
	a := analytics.Audit{
		Day: encoded.Day, Began: time.UnixMilli(encoded.Began).UTC(), Pass: encoded.Pass, Done: encoded.Done,
		Segments: encoded.Segments, Recount: analytics.NewRecount(), Suspects: map[analytics.JourneyKey]int64{},
	}
	for _, f := range encoded.Figures {
		if err := f.addTo(a.Recount); err != nil {
			return a, err
		}
	}
	for _, f := range encoded.Suspects {
		k, err := f.journeyKey()
		if err != nil {
			return a, err
		}
		a.Suspects[k] = f.Moved
	}
	return a, nil
}

func encodeRecount(recount *analytics.Recount) []figuresText {
	var list []figuresText
	for k, figures := range recount.Figures {
		f := encodeJourneyKey(k)
		f.Newer = recount.Newer[k]
		for hash, g := range figures.Graphs {
			f.Graphs = append(f.Graphs, encodeGraph(hash, g))
		}
		for hash, n := range recount.Wrong[k] {
			f.Graphs = append(f.Graphs, countsText{Hash: hash, Wrong: n})
		}
		list = append(list, f)
	}
	return list
}

func (f figuresText) addTo(recount *analytics.Recount) error {
	k, err := f.journeyKey()
	if err != nil {
		return err
	}
	figures := &analytics.Figures{}
	recount.Figures[k] = figures
	if f.Newer > 0 {
		recount.Newer[k] = f.Newer
	}
	for _, c := range f.Graphs {
		if c.Wrong > 0 {
			recount.AddWrong(k, c.Hash, c.Wrong)
			continue
		}
		g, err := c.graph()
		if err != nil {
			return err
		}
		*figures.Graph(c.Hash, c.Version) = g
	}
	return nil
}

func encodeJourneyKey(k analytics.JourneyKey) figuresText {
	return figuresText{Tenant: k.Tenant.String(), Journey: k.Journey}
}

func (f figuresText) journeyKey() (analytics.JourneyKey, error) {
	tenant, ok := ident.ParseTenant(f.Tenant)
	if !ok {
		return analytics.JourneyKey{}, errors.New("pack: an audit without a tenant")
	}
	return analytics.JourneyKey{Tenant: tenant, Journey: f.Journey}, nil
}

func encodeGraph(hash string, g *analytics.Graph) countsText {
	return countsText{Hash: hash, Version: g.Version, Counts: tally.Pack(g.Totals, 0, g.Steps)}
}

func (c countsText) graph() (g analytics.Graph, err error) {
	g.Version = c.Version
	g.Totals, _, g.Steps, err = tally.Unpack(c.Counts)
	return g, err
}
