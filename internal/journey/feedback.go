package journey

import (
	"context"
	"errors"
	"time"

	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/message"
	"journeys/internal/progress"
)

// FeedbackStore stores what is reported of messages.
type FeedbackStore interface {
	// AddFeedback adds a kind that is reported at now to what was heard of the step of a
	// message, and returns when it was first added: earlier, if it was reported before. It
	// returns ErrNoMessage, and stores nothing, if the customer is being forgotten.
	AddFeedback(ctx context.Context, t ident.Tenant, id message.ID, step feedback.Step, k feedback.Kind, now time.Time) (time.Time, error)
	// Heard returns what was heard of the messages of a customer's run. It is strongly
	// consistent.
	Heard(ctx context.Context, t ident.Tenant, id ident.ID, customer string, run int) ([]feedback.Heard, error)
}

// Feedback records what was reported of a message, once for each kind, and wakes the run
// that waits for it. A message that is not known, or not any more, changes nothing. It may
// be called in any order and again: a repeat finishes what an earlier call began.
func (s *Service) Feedback(ctx context.Context, t ident.Tenant, id message.ID, k feedback.Kind) error {
	m, err := s.messageOf(ctx, t, id)
	if err != nil {
		return err
	}
	if s.Heard != nil && m.Channel != "" {
		s.Heard(ctx, m.Channel)
	}
	if m.Customer == "" {
		return nil
	}
	step := feedback.Step{
		Customer: m.Customer, Journey: m.Journey, GraphHash: m.GraphHash, Version: m.Version, Run: m.Run, Node: m.Node,
	}
	at, err := s.stores.Feedback.AddFeedback(ctx, t, id, step, k, s.clock())
	if errors.Is(err, ErrNoMessage) {
		return nil // the customer was forgotten since
	}
	if err != nil {
		return err
	}
	return s.wakeBy(ctx, t, step, k, at)
}

// messageOf returns what the id of a message stands for, the zero value if it is not known,
// or not any more.
func (s *Service) messageOf(ctx context.Context, t ident.Tenant, id message.ID) (message.Record, error) {
	m, err := s.stores.Messages.Message(ctx, t, id, s.clock())
	if errors.Is(err, ErrNoMessage) {
		return message.Record{}, nil
	}
	return m, err
}

// wakeBy wakes the run of a step if it waits for feedback of that kind. Feedback is stored
// before the enrollment is read, and a wait is stored before its feedback is read: at least
// one of the two sees the other.
func (s *Service) wakeBy(ctx context.Context, t ident.Tenant, step feedback.Step, k feedback.Kind, at time.Time) error {
	eventType := feedback.EventType(step.Node, k)
	d, err := s.definition(ctx, t, Journey{ID: step.Journey, GraphHash: step.GraphHash})
	if err != nil || !d.Graph.AwaitsEvent(eventType) {
		return ignoreUnreadable(err)
	}
	e, err := s.stores.Enrollments.Enrollment(ctx, t, step.Journey, step.Customer)
	if err != nil || e.Run != step.Run {
		return ignoreUnreadable(err)
	}
	woken, _, err := s.wake(ctx, t, e, eventType, progress.FeedbackReceived(eventType, at))
	if woken {
		s.nudge(ctx, t, e.Journey, []string{e.Customer})
	}
	return ignoreUnreadable(err)
}

// ignoreUnreadable drops the error of an enrollment that is gone or, like its graph,
// damaged: a repeat meets the same.
func ignoreUnreadable(err error) error {
	if errors.Is(err, ErrNotEnrolled) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrNoDefinition) {
		return nil
	}
	return err
}
