package journey

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/strict"
)

// DraftCopy is a definition with pinned settings that is edited beside its journey. No
// customer follows it before it is published.
type DraftCopy struct {
	Journey    ident.ID
	Tag        string    // 32 lower-case hex digits, drawn anew by every write: the ETag
	Definition []byte    // compact JSON
	Settings   []byte    // pinned settings, compact JSON; nil for none
	BasedOn    int64     // the journey's Rev that the edit started from
	CreatedAt  time.Time // UTC, to the millisecond; also UpdatedAt
	UpdatedAt  time.Time // not before CreatedAt
	CreatedBy  Author
	UpdatedBy  Author

	Warnings []strict.Fault // as of Service.Warnings; only from Draft and PutDraft
}

// DraftChange is a partial update of a draft. Nil fields stay unchanged.
type DraftChange struct {
	Definition *Definition
	Settings   graph.SettingsChange
	BasedOn    *int64 // 1 to the journey's Rev
	By         Author // of the change
}

// DraftMatch is what a write requires of the stored draft. The zero value requires
// nothing.
type DraftMatch struct {
	Tags []string // there is a draft with one of these tags; nil for any
	Any  bool     // there is a draft
	None bool     // there is no draft
}

// holds reports whether a stored draft with that tag, "" for none, is as required.
func (m DraftMatch) holds(tag string) bool {
	return (tag != "" || !m.Any && m.Tags == nil) && (tag == "" || !m.None) && (m.Tags == nil || slices.Contains(m.Tags, tag))
}

// Draft returns the journey's draft. It returns ErrNotFound if there is no journey,
// ErrNoDraft if it has no draft.
func (s *Service) Draft(ctx context.Context, t ident.Tenant, id ident.ID) (DraftCopy, error) {
	j, err := s.stores.Journeys.FullJourney(ctx, t, id)
	if err != nil {
		return DraftCopy{}, err
	}
	d, err := s.stores.Journeys.Draft(ctx, t, id)
	if err != nil {
		return DraftCopy{}, err
	}
	return s.warned(t, j, d), nil
}

// draftOrNone returns the stored draft; one without a Tag if there is none.
func (s *Service) draftOrNone(ctx context.Context, t ident.Tenant, id ident.ID) (DraftCopy, error) {
	d, err := s.stores.Journeys.Draft(ctx, t, id)
	if errors.Is(err, ErrNoDraft) {
		return DraftCopy{}, nil
	}
	return d, err
}

// warned returns d with its warnings.
func (s *Service) warned(t ident.Tenant, j Journey, d DraftCopy) DraftCopy {
	j.Definition, j.Settings = d.Definition, d.Settings
	d.Warnings = s.Warnings(t, j)
	return d
}

// PutDraft changes the journey's draft. If there is none, it creates one: absent fields
// are those of the journey. It returns ErrStaleDraft if match does not hold, unless the
// stored draft equals the result already, as after a repeat: then it returns that one.
func (s *Service) PutDraft(
	ctx context.Context, t ident.Tenant, id ident.ID, c DraftChange, match DraftMatch,
) (d DraftCopy, created bool, err error) {
	err = s.retry(ctx, func() error {
		d, created, err = s.putDraftOnce(ctx, t, id, c, match)
		return err
	})
	return d, created, err
}

func (s *Service) putDraftOnce(
	ctx context.Context, t ident.Tenant, id ident.ID, c DraftChange, match DraftMatch,
) (d DraftCopy, created bool, err error) {
	old, err := s.draftOrNone(ctx, t, id)
	if err != nil {
		return DraftCopy{}, false, err
	}
	creates := old.Tag == "" || match.None
	j, err := s.liveOf(ctx, t, id, creates, c.Definition != nil)
	if err != nil {
		return DraftCopy{}, false, err
	}
	next := old
	if creates {
		next = DraftCopy{Journey: j.ID, Definition: j.Definition, Settings: j.Settings, BasedOn: j.Rev}
	}
	if next, err = next.with(c, j.Rev); err != nil {
		return DraftCopy{}, false, err
	}
	if old.Tag != "" && match.None && c.BasedOn == nil && j.DefinitionRev <= old.BasedOn {
		next.BasedOn = old.BasedOn // a repeat after a change that a draft does not replace
	}
	switch {
	case old.Tag != "" && next.equals(old):
		return s.warned(t, j, old), false, nil
	case !match.holds(old.Tag):
		return DraftCopy{}, false, ErrStaleDraft
	}
	if next.Tag, err = s.newTag(); err != nil {
		return DraftCopy{}, false, err
	}
	next.UpdatedAt, next.UpdatedBy = s.clock(), c.By
	if creates {
		next.CreatedAt, next.CreatedBy = next.UpdatedAt, c.By
	} else if next.UpdatedAt.Before(old.UpdatedAt) {
		next.UpdatedAt = old.UpdatedAt
	}
	return s.warned(t, j, next), creates, s.stores.Journeys.PutDraft(ctx, t, old.Tag, next)
}

// liveOf returns the journey of a draft, with its definition if the draft needs that. An
// unreadable definition is no error if the draft replaces it.
func (s *Service) liveOf(ctx context.Context, t ident.Tenant, id ident.ID, whole, replaced bool) (Journey, error) {
	if !whole {
		return s.stores.Journeys.FullJourney(ctx, t, id)
	}
	j, err := s.Get(ctx, t, id)
	if replaced && j.ID != "" && errors.Is(err, ErrDamaged) {
		err = nil
	}
	return j, err
}

// with returns d with c applied, or an Invalid error. rev is the journey's.
func (d DraftCopy) with(c DraftChange, rev int64) (DraftCopy, error) {
	if err := checkBasedOn(c.BasedOn, rev); err != nil {
		return d, err
	}
	if c.BasedOn != nil {
		d.BasedOn = *c.BasedOn
	}
	if c.Definition != nil {
		d.Definition = c.Definition.Raw
	}
	if c.Settings != nil {
		d.Settings = c.Settings.Apply(d.Settings)
	}
	return d, checkSettings(d.Settings)
}

// checkBasedOn returns an Invalid error if there was no such revision of the journey.
func checkBasedOn(basedOn *int64, rev int64) error {
	if basedOn == nil || *basedOn >= 1 && *basedOn <= rev {
		return nil
	}
	return invalidRequest(strict.Fault{
		Pointer: "/basedOn", Detail: fmt.Sprintf(`must be an ETag that the journey has or had, from "1" to "%d"`, rev),
	})
}

// equals reports whether d and old have the same content.
func (d DraftCopy) equals(old DraftCopy) bool {
	return bytes.Equal(d.Definition, old.Definition) && bytes.Equal(d.Settings, old.Settings) && d.BasedOn == old.BasedOn
}

func (s *Service) newTag() (string, error) {
	var tag [16]byte
	_, err := io.ReadFull(s.entropy, tag[:])
	return hex.EncodeToString(tag[:]), err
}

// DeleteDraft removes the journey's draft. It does nothing if there is none, and returns
// ErrStaleDraft if there is another one than match requires.
func (s *Service) DeleteDraft(ctx context.Context, t ident.Tenant, id ident.ID, match DraftMatch) error {
	return s.retry(ctx, func() error {
		if _, err := s.stores.Journeys.Journey(ctx, t, id); err != nil {
			return err
		}
		d, err := s.draftOrNone(ctx, t, id)
		if err != nil || d.Tag == "" {
			return err
		}
		if !match.holds(d.Tag) {
			return ErrStaleDraft
		}
		return s.stores.Journeys.DeleteDraft(ctx, t, id, d.Tag)
	})
}

// Publication is a request to publish a draft.
type Publication struct {
	Tags    []string // the accepted tags of the draft
	BasedOn *int64   // instead of the draft's; nil for that
	By      Author
}

// PublishDraft makes the draft the journey's definition and pinned settings, and removes
// it. If the draft that was published last had one of the tags, it changes nothing and
// returns the journey. For other tags it returns ErrStaleDraft, and ErrLiveChanged if what
// the draft replaces was changed since BasedOn.
func (s *Service) PublishDraft(ctx context.Context, t ident.Tenant, id ident.ID, p Publication) (j Journey, err error) {
	err = s.retry(ctx, func() error {
		d, errRead := s.draftOrNone(ctx, t, id)
		if errRead != nil {
			return errRead
		}
		if d.Tag == "" || !slices.Contains(p.Tags, d.Tag) {
			if j, err = s.Get(ctx, t, id); err == nil && (j.Published == "" || !slices.Contains(p.Tags, j.Published)) {
				err = ErrStaleDraft
			}
			return err
		}
		if p.BasedOn != nil {
			d.BasedOn = *p.BasedOn
		}
		j, err = s.updateOnce(ctx, t, id, Change{
			Definition: &Definition{Raw: d.Definition}, By: p.By, Publish: true, draft: &d,
		}, nil)
		return err
	})
	return j, err
}

// checkLive returns an error if j, which d replaces, was changed since d.BasedOn.
func (d DraftCopy) checkLive(j Journey) error {
	if err := checkBasedOn(&d.BasedOn, j.Rev); err != nil {
		return err
	}
	same := bytes.Equal(j.Definition, d.Definition) && bytes.Equal(j.Settings, d.Settings)
	if d.BasedOn < j.DefinitionRev && !same {
		return ErrLiveChanged
	}
	return nil
}
