r"""Inside a node's container: some threads of a process stopped, and not the process.

A tracer of ours (ptrace, from the node's side) stops them where they wait in the kernel, so that
no lock of an interpreter is held but those that are meant, and stays with them: the kernel lets
them go on when it ends, whatever becomes of us, after two minutes at most. It bears a mark in its
environment, and takes notice when they are killed: until then their process would not be over.
Every node image has perl: Debian's perl-base is essential.
Source: ptrace(2), PTRACE_SEIZE and PTRACE_INTERRUPT; proc(5), /proc/PID/task/TID/syscall; proc(5),
/proc/PID/net/tcp (of a listening socket rx_queue is what nobody has accepted).
May import: threads, errors, cluster.{engine,halts}.
"""

from __future__ import annotations

from seatrial.cluster import halts
from seatrial.cluster.engine import Engine
from seatrial.errors import BadInput, CannotRun
from seatrial.threads import STALLS, Stall

LONGEST = 120
"""Seconds after which the threads go on by themselves."""
_MARK = "SEATRIAL_STALL"
_PATIENCE = 60
"""Seconds that the stopping may take by the engine's clock; it gives up itself after half."""

_TRACER = r"""
use strict; use warnings; no warnings 'portable'; use POSIX ();
my ($pid, $what, $longest) = @ARGV;
my %calls = (
  x86_64 => {ptrace => 101, wait => 61, accept => [43, 288], poll => [7, 271],
             epoll => [232, 281, 441], sync => [74, 75], lock => [202]},
  aarch64 => {ptrace => 117, wait => 260, accept => [202, 242], poll => [73], epoll => [22, 441],
              sync => [82, 83], lock => [98]},
);
my $nr = $calls{(POSIX::uname())[4]} or die "nothing is known of this kind of CPU\n";
my ($SEIZE, $INTERRUPT, $DETACH, $CONT, $GO_ON) = (0x4206, 0x4207, 17, 7, 24);
my $ALL = 0x40000000;

sub lines { open(my $in, '<', $_[0]) or return (); my @all = <$in>; return @all }
sub doing { my ($line) = lines("/proc/$pid/task/$_[0]/syscall"); return split(' ', $line // '') }
sub threads { return map { m{(\d+)$}; $1 + 0 } glob("/proc/$pid/task/*") }
sub is { my ($kind, $call) = @_; return scalar grep { "$_" eq ($call // '') } @{$nr->{$kind}} }
sub nap { select(undef, undef, undef, $_[0]) }

sub queued {
  my (%open, $waiting);
  for my $at (glob("/proc/$pid/fd/*")) {
    $open{$1} = 1 if (readlink($at) // '') =~ /^socket:\[(\d+)\]$/;
  }
  for (map { lines("/proc/$pid/net/$_") } qw(tcp tcp6)) {
    my @w = split;
    $waiting += hex((split /:/, $w[4])[1]) if @w > 9 && $w[3] eq '0A' && $open{$w[9]};
  }
  return $waiting // 0;
}
sub doors {
  my %open = map { my @w = split; (@w > 9 && $w[3] eq '0A') ? ($w[9] => 1) : () }
    map { lines("/proc/$pid/net/$_") } qw(tcp tcp6);
  my %fd;
  for my $at (glob("/proc/$pid/fd/*")) {
    my $to = readlink($at) // ''; my ($n) = $at =~ m{(\d+)$};
    $fd{$n} = 1 if $to =~ /^socket:\[(\d+)\]$/ && $open{$1};
  }
  return %fd;
}
sub polled {
  my ($at, $count) = map { hex } @_;
  open(my $in, '<:raw', "/proc/$pid/mem") or return ();
  sysseek($in, $at, 0) or return ();
  my $got = sysread($in, my $all, 8 * ($count > 4096 ? 4096 : $count)) or return ();
  return map { unpack('l', substr($all, 8 * $_, 4)) } 0 .. $got / 8 - 1;
}
sub waits_at_door {
  my ($tid, %door) = @_; my ($call, @with) = doing($tid);
  return 0 unless @with;
  return $door{hex $with[0]} if is('accept', $call);
  return scalar grep { $door{$_} } polled(@with) if is('poll', $call);
  return 0 unless is('epoll', $call);
  return scalar grep { /^tfd:\s+(\d+)/ && $door{$1} } lines("/proc/$pid/fdinfo/" . hex $with[0]);
}
sub asleep {
  my %at;
  for (threads()) { my @now = doing($_); $at{$_} = "@now" if is('lock', $now[0]) }
  return %at;
}
sub waited {
  my ($tid, $how) = @_; my $status = "\0" x 4;
  my $whom = syscall($nr->{wait}, $tid, $status, $ALL | ($how // 0), 0);
  return ($whom, unpack('I', $status));
}
sub loose { syscall($nr->{ptrace}, $DETACH, $_, 0, 0) for @_ }
sub held {
  my ($tid) = @_; my ($before) = doing($tid);
  return 0 unless defined $before && $before =~ /^\d+$/;
  return 0 if syscall($nr->{ptrace}, $SEIZE, $tid, 0, 0) != 0;
  syscall($nr->{ptrace}, $INTERRUPT, $tid, 0, 0);
  waited($tid);
  my ($now) = doing($tid);
  return 1 if defined $now && $now eq $before;
  loose($tid);
  return 0;
}
sub stop_accepting {
  my %door = doors() or die "it listens nowhere\n";
  my (%held, $quiet);
  for (1 .. 100) {
    my @there = grep { !$held{$_} && waits_at_door($_, %door) } threads();
    $held{$_} = 1 for grep { held($_) } @there;
    $quiet = %held && !@there ? ($quiet // 0) + 1 : 0;
    last if $quiet >= 10;
    nap(0.02);
  }
  for (1 .. 100) {
    last if ($quiet // 0) < 10;
    my $before = queued();
    nap(0.2);
    my $now = queued();
    return ($now, 0, keys %held) if $before && $now;
  }
  die "nobody connects to it\n" if ($quiet // 0) >= 10;
  die %held ? "others take connections instead\n" : "none of its threads waits for connections\n";
}
my %calm;
sub go_on { syscall($nr->{ptrace}, $calm{$_[0]} ? $CONT : $GO_ON, $_[0], 0, $_[1]) }
sub owed { my $sig = ($_[0] >> 8) & 0xff; return $_[0] >> 16 || ($sig & 0x7f) == 5 ? 0 : $sig }
sub let_go_but {
  my ($hit) = @_;
  my @others = grep { $_ != $hit } threads();
  syscall($nr->{ptrace}, $INTERRUPT, $_, 0, 0) for @others;
  for my $tid (@others) {
    my ($whom, $now) = waited($tid);
    next if $whom != $tid;
    syscall($nr->{ptrace}, $DETACH, $tid, 0, owed($now)) if ($now & 0x7f) == 0x7f;
  }
}
sub next_sync {
  my ($ends) = @_; my $hit = 0; my %door = doors();
  %calm = map { $_ => 1 } grep { waits_at_door($_, %door) } threads();
  for my $tid (threads()) {
    syscall($nr->{ptrace}, $SEIZE, $tid, 0, 9) == 0 or next;
    syscall($nr->{ptrace}, $INTERRUPT, $tid, 0, 0);
  }
  while (!$hit && time < $ends) {
    my ($tid, $now) = waited(-1);
    last if $tid < 0;
    next if ($now & 0x7f) != 0x7f;
    my ($call) = (($now >> 8) & 0xff) == 0x85 ? doing($tid) : ();
    if (is('sync', $call)) { $hit = $tid } else { go_on($tid, owed($now)) }
  }
  let_go_but($hit);
  return $hit;
}
sub stop_syncing {
  my $ends = time + 30;
  local $SIG{ALRM} = sub { };
  while (time < $ends) {
    alarm($ends - time);
    my %before = asleep();
    my $tid = next_sync($ends) or last;
    alarm(0);
    for (1 .. 50) {
      nap(0.1);
      my %now = asleep();
      my @new = grep { ($before{$_} // '') ne $now{$_} } keys %now;
      nap(0.3) if @new;
      my %then = asleep();
      my $locked = grep { ($then{$_} // '') eq $now{$_} } @new;
      return (0, $locked, $tid) if $locked;
    }
    loose($tid);
  }
  die "none of its threads syncs a file while another one waits for it\n";
}

pipe(my $in, my $out) or die "pipe: $!\n";
my $child = fork() // die "fork: $!\n";
if ($child) {
  close $out;
  my $said = join '', <$in>;
  print $said =~ /^held/ ? $said : '';
  $said =~ /^held/ or do { print STDERR $said; exit 1 };
  exit 0;
}
POSIX::setsid();
open(STDIN, '<', '/dev/null'); open(STDOUT, '>', '/dev/null');
open(STDERR, '>', '/dev/null');
my @held = eval { $what eq 'accept' ? stop_accepting() : stop_syncing() };
syswrite($out, @held ? "held @held\n" : ($@ || "nothing\n"));
close $out;
exit 1 unless @held;
my $ends = time + $longest;
while (time < $ends) {
  my ($tid, $now) = waited(-1, 1);
  last if $tid < 0 || $tid > 0 && ($now & 0x7f) != 0x7f;
  nap(0.1);
}
"""


def stall(engine: Engine, node: str, number: str, what: str) -> Stall:
    """Stop threads of a container's main process by one of STALLS, and see what waits for them.

    Raises BadInput for another, CannotRun when it does not run, ToolFailed when no thread of it
    does what it is to be stopped at, or nothing waits: then all go on.
    """
    if what not in STALLS:
        raise BadInput(f"one of {', '.join(STALLS)}", seen=what)
    words = ("env", f"{_MARK}={number}", "perl", "-e", _TRACER)
    pid = _pid(engine, node, number)
    said = engine.docker("exec", node, *words, pid, what, str(LONGEST), limit=_PATIENCE)
    queued, locked, *threads = map(int, said.split()[1:])
    return Stall(tuple(threads), queued, locked)


def _pid(engine: Engine, node: str, number: str) -> str:
    if pid := halts.process(engine, node, number):
        return str(pid)
    raise CannotRun(f"container {number[:12]} to run", seen="its runtime says that it does not")
