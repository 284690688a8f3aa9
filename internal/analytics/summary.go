package analytics

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/analytics/tally"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// Summary is the figures of one journey, without its steps and days.
type Summary struct {
	AsOf        time.Time // of the newest counted write; zero for none
	Enrollments tally.Totals
	Err         error // why the figures cannot be read; nil if they can. Otherwise they are zero
}

// summariesAtOnce bounds the journeys that Summaries reads at a time.
const summariesAtOnce = 16

// Summaries returns the figures of each of list, in its order. It takes one read of the
// table for each journey but drafts, which no customer has entered. A journey whose
// figures are damaged or of a newer format has an Err; any other error is returned.
func (r *Reader) Summaries(ctx context.Context, t ident.Tenant, list []journey.Journey) ([]Summary, error) {
	summaries := make([]Summary, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(summariesAtOnce)
	for i, j := range list {
		if j.Status == journey.Draft {
			continue
		}
		group.Go(func() error {
			_, f, err := r.readFigures(ctx, t, j.ID, Range{})
			if errors.Is(err, ErrUnreadable) || errors.Is(err, journey.ErrNewer) {
				summaries[i].Err = err
				return nil
			}
			summaries[i] = Summary{AsOf: f.Newest, Enrollments: f.Totals()}
			return err
		})
	}
	return summaries, group.Wait()
}
