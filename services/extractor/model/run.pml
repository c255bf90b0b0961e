/* The run of a sync: who may write what, when. README.md beside this file says how to read and run it.
 *
 * One sync, one match key, so a run is at most one chunk. Two extractors, two writers, Dataverse, the recorder of results.
 * Any process may stop between any two steps for as long as it likes: spin tries every interleaving, so "frozen" needs no
 * code. Each guard is an #ifndef NO_x: scripts/model.sh takes them out one by one, and expects a fault each time.
 *
 * Time is not counted. HOLD (heart-beat cap + HTTP limit) is modelled by what it means: a chunk delivered before the wait
 * began is past its delivery deadline at the end, and a request that such a chunk caused has ended. */
#ifndef RUNS
#define RUNS      2                  /* runs in a history, 3 at most */
#endif
#ifndef WRITERS
#define WRITERS   2                  /* 0 to 2 */
#endif
#ifndef TAKEOVERS
#define TAKEOVERS 2                  /* how often the lease is won, the first time included */
#endif

/* ---- the run record: KV penstock_runs, changed by compare-and-set ---- */
#define SEALED 0                     /* recording, closed, aborted, suspended …: nothing of this run may be sent any more */
#define OPEN   1                     /* diffing, publishing, draining */
byte epoch, newest;                  /* epoch of the leader; number of the newest run */
bit  phase, wait;                    /* wait: HOLD must pass before the next run */

/* ---- the queues, as sets of chunks; chunk = run * 2 + extractor ---- */
byte queue, delivered;               /* PENSTOCK_CHANGES: published and not acked by anyone; delivered at least once */
byte value;                          /* the chunks that carry the value 1; a value is its own hash */
byte accepted, unknown, caution;     /* PENSTOCK_RESULTS: two verdicts; "a send went unanswered, or: delivered twice" */
byte recorded;                       /* the chunks whose result is recorded, for the balance (ClickHouse) */
#define RESULTS  (accepted | unknown | caution)
#define RUN(c)   ((c) >> 1)
#define IN(s, c) (((s) >> (c)) & 1)
#define PUT(s, c) s = s | (1 << (c))
#define DEL(s, c) s = s & (255 - (1 << (c)))
inline pick(set, one) { one = 0; do :: IN(set, one) -> break :: ((set) >> (one + 1)) != 0 -> one++ od }

/* ---- Dataverse, and the ledger (ReplacingMergeTree: the greatest version is the newest entry) ---- */
bit  dv; byte dvrun;                 /* what Dataverse holds, and which run wrote it */
byte version; bit acc = 1, hash;     /* the newest entry; at first: run 0, accepted, 0 */
#define SENT     0                   /* version = run * 8 + rank */
#define ACCEPTED 1
#define RESENT   2
bit  overrun;                        /* with -DOVERRUN: a request outlived HOLD, and its answer is not yet recorded */
#if defined(OVERRUN) || defined(NO_SENT)
#define I2    true                   /* not what these two are about: P1, in the diff, judges them */
#else
#define I2    (!acc || dv == hash)   /* the ledger says accepted only of what Dataverse holds */
#endif
#ifdef OVERRUN
#define I3(c) true                   /* the time bound is broken, so stale writes happen: they must heal */
#else
#define I3(c) (RUN(c) >= dvrun)      /* nothing newer is overwritten by something older */
#endif
inline insert(at, verdict, what) {
    if
#ifndef NO_VERSION
    :: at < version                  /* an older version loses, whenever it arrives */
#endif
    :: else -> version = at; acc = verdict; hash = what; printf("ledger: version %d, accepted %d\n", at, verdict); assert(I2)
    fi
}

/* ---- what may still reach Dataverse ---- */
byte live;                           /* bits 0,1: writer within its delivery deadline; 2,3: its request; 4: one given up on */
byte old;                            /* what of that is older than the HOLD under way */
byte chunk[2], left;                 /* the chunk in each writer's hand (0: none), and that of the request given up on */
#define HELD(w)   (1 << (w))
#define SENDS(w)  (4 << (w))
#define LEFT      16
#define OFF(s, b) s = s & (255 - (b))
inline inherit(from, to) {           /* a request is as old as the delivery that caused it */
    live = live | to; if :: old & from -> old = old | to :: else -> OFF(old, to) fi
}

/* ================================ extractor: lease and runs ================================ */
#ifndef NO_CAS
#define LEADER (epoch == my)         /* the compare of compare-and-set */
#else
#define LEADER true
#endif
#define MINE   (n * 2 + me)          /* the chunk of this extractor's run */

proctype Extractor(byte me) {
    byte my, n; bit published;

end_standby:
    atomic {                         /* The lease lapsed, whatever its holder thinks. One CAS: epoch, abort, HOLD is due. */
        (epoch < TAKEOVERS && (epoch & 1) == me) -> epoch++; my = epoch; n = newest; printf("extractor %d leads\n", me);
        if
        :: phase == OPEN -> phase = SEALED; printf("run %d aborted\n", n);
#ifndef NO_PURGED
           wait = 1
#endif
        :: else
        fi
    }

barrier:                             /* The run is sealed. What is left is purged, what was reported is recorded. */
    do
#ifndef NO_PURGE
    :: atomic { queue && LEADER ->
#ifndef NO_PURGED
           wait = 1                  /* CAS: noted before the trace is gone */
#endif
       };
       atomic { queue = 0; delivered = 0; printf("extractor %d purges\n", me) } /* unfenced: a zombie can hit a newer run */
#endif
#ifndef NO_EMPTY
    :: !queue -> break
    :: queue && !LEADER -> goto lost
#else
    :: break
#endif
    od;
#ifndef NO_RECORDED
    !RESULTS;
#endif
#ifndef NO_HOLD
    if
    :: atomic { wait && LEADER -> old = live; printf("HOLD begins\n") };
       atomic {
#ifndef OVERRUN
           !(live & old & 28) || !LEADER ->
#else
           !(live & old & 16) || !LEADER -> if :: live & old & 12 -> overrun = 1 :: else fi;
#endif
           if :: LEADER -> OFF(live, old & 3); old = 0; printf("HOLD ends\n") :: else fi
       }
    :: !(wait && LEADER)
    fi;
#endif
    atomic {                         /* Open the next run: CAS. */
        if
        :: n == RUNS -> goto end_done
        :: n <  RUNS && LEADER -> n++; newest = n; phase = OPEN; wait = 0; printf("extractor %d opens run %d\n", me, n)
        :: else -> goto lost
        fi
    };
    atomic {                         /* The diff: one statement, one snapshot of model and ledger. */
        if :: DEL(value, MINE) :: PUT(value, MINE) fi;      /* the row today: anything, a former value too */
        if
        :: acc && hash == IN(value, MINE) ->                /* P1: "unchanged" is what Dataverse holds, or a write is lost */
            assert(overrun || dv == hash); DEL(value, MINE); goto end_drain
        :: else -> printf("run %d: the row is %d, changed\n", n, IN(value, MINE))
        fi
    };
#ifndef NO_SENT
    atomic { insert(n * 8 + SENT, 0, 0) };
#endif
    atomic { PUT(queue, MINE); published = 1; printf("extractor %d publishes run %d\n", me, n) }; /* unfenced: zombies too */
end_drain:
#ifndef NO_EMPTY
    !queue;
#endif
#ifndef NO_RECORDED
    !RESULTS;
#endif
    atomic {                         /* Seal: CAS. Only what the barrier sees after it counts: writers speak, then read. */
        if
        :: LEADER ->
#ifndef NO_BALANCE
            if :: published && !IN(recorded, MINE) -> wait = 1 :: else fi;
#endif
#ifndef NO_SEAL
            phase = SEALED; printf("run %d sealed\n", n);
#endif
            published = 0; recorded = 0; goto barrier
        :: else -> goto lost
        fi
    };
lost: atomic { my = 0; n = 0; published = 0; goto end_standby };
end_done: skip
}

/* ================================ writer ================================ */
#define C chunk[w]
inline give_up() {                   /* a time-out, a cut, a crash: Dataverse may still be at it */
    printf("writer %d: no answer\n", w);
    if :: live & SENDS(w) -> inherit(SENDS(w), LEFT); OFF(live, SENDS(w)); left = C :: else fi
}
inline report(verdict) {
    PUT(verdict, C); if :: unanswered || twice -> PUT(caution, C) :: else fi; printf("writer %d reports\n", w)
}
inline forget() { OFF(live, HELD(w)); C = 0; again = 0; twice = 0; unanswered = 0 }

proctype Writer(byte w) {
    bit again, twice, unanswered;

end_idle:
    atomic {                         /* Take one chunk; an unacked one may come again, to anyone. (Writers are alike: 0 first.) */
        queue && (w == 0 || chunk[0]) -> pick(queue, C); again = IN(delivered, C); PUT(delivered, C);
        live = live | HELD(w); OFF(old, HELD(w)); printf("writer %d takes run %d, again %d\n", w, RUN(C), again)
    };
#ifndef NO_NOTICE
    atomic { if :: again -> PUT(caution, C) :: else fi };   /* "delivered twice" is stored before the record is read */
#else
    twice = again;                                          /* only the result says so */
#endif
#ifndef NO_EPOCH
    if :: RUN(C) == newest && phase == OPEN -> printf("writer %d: run %d is open\n", w, RUN(C)) :: else -> goto ack fi;
#endif
send:
    atomic {                         /* Both clocks against the delivery deadline, and off it goes. */
        if
#ifndef NO_DEADLINE
        :: !(live & HELD(w)) -> forget(); goto end_idle
#endif
        :: else -> inherit(HELD(w), SENDS(w)); printf("writer %d sends run %d\n", w, RUN(C))
        fi
    };
    atomic {                         /* An answer; or none, and then the same again, or the verdict "unknown". */
        if
        :: !(live & SENDS(w)) -> report(accepted)
        :: !overrun && !(live & LEFT) -> give_up();
#ifndef NO_UNANSWERED
            unanswered = 1;
#endif
            if :: goto send :: report(unknown) fi
#ifdef CRASH
        :: !overrun && !(live & LEFT) -> give_up(); forget(); goto end_idle
#endif
        fi
    };
ack:                                 /* Anybody's ack removes it. */
    atomic { printf("writer %d acks\n", w); DEL(queue, C); DEL(delivered, C); forget(); goto end_idle }
}

/* ================================ recorder: results -> ledger ================================ */
byte late; bit late_hash;            /* an insert that was given up on and repeated, and lands some time later */

active proctype Recorder() {         /* take, read the record, insert, ack: one step, since no run opens before the ack */
    byte c;
end_idle: do
    :: atomic {
           RESULTS -> pick(RESULTS, c); printf("result of run %d\n", RUN(c));
           if
           :: IN(accepted, c) && RUN(c) == newest ->
               insert(newest * 8 + ACCEPTED, 1, IN(value, c));
#ifdef STRAGGLER
               if :: late == 0 -> late = newest * 8 + ACCEPTED; late_hash = IN(value, c) :: true fi
#endif
           :: IN(accepted | unknown, c) && RUN(c) != newest -> /* of a run that is over: it may have undone a newer one */
               overrun = 0;
#ifndef NO_LATE
               insert(newest * 8 + RESENT, 0, 0)
#endif
           :: else
           fi;
           if :: IN(caution, c) -> wait = 1 :: else fi;        /* in the record before the ack */
           if :: IN(accepted | unknown, c) -> PUT(recorded, c) :: else fi;
           DEL(accepted, c); DEL(unknown, c); DEL(caution, c); c = 0
       }
    od
}

/* ================================ the world ================================ */
active proctype Dataverse() {
    byte s, c;
end_idle: do
    :: atomic {
           live & 28 -> pick(live & 28, s); if :: s == 4 -> c = left; left = 0 :: else -> c = chunk[s - 2] fi;
           if
           :: printf("Dataverse: %d of run %d\n", IN(value, c), RUN(c));
              assert(I3(c)); dv = IN(value, c); dvrun = RUN(c); assert(I2)
           :: s == 4                 /* a request that was given up on may as well have been lost */
           fi;
           live = live & (255 - (1 << s)); old = old & live; s = 0; c = 0
       }
    od
}
#ifdef STRAGGLER
active proctype Straggler() { end_idle: atomic { late -> insert(late, 1, late_hash); late = 255 } }
#endif
#ifdef LOSS                          /* a zombie's purge, or a NATS that lost its disk */
active proctype Loss() { atomic { queue = 0; delivered = 0; printf("the queue is lost\n") } }
#endif
init {
    atomic {
        run Extractor(0); run Extractor(1);
        if :: WRITERS > 0 -> run Writer(0) :: else fi;
        if :: WRITERS > 1 -> run Writer(1) :: else fi
    }
}
