#!/usr/bin/perl
# The application of the bench: HTTP/1.1 from one select loop, or with MODE=echo a TCP line echo.
# Needs nothing beyond Debian's perl-base.
#
#   /            "<instance> v<version> <path>"     /status/N    answers with status N
#   /healthz     "ok"                               /slow?ms=N   answers after N ms
#   /headers     the request's header lines         /env/NAME    the value of NAME
#   /ws          WebSocket echo
#
# Environment: PORT (80), INSTANCE (host name), VERSION, MODE (http, echo), GRACE_MS (1000),
# SICK (set: / and /healthz answer 500), SLOW_MS (milliseconds until / answers).
# On SIGTERM it accepts what waits, stops listening, answers what is in flight with
# "Connection: close", closes what is still idle after GRACE_MS, and exits 0.
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use POSIX ();
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_REUSEADDR IPPROTO_TCP TCP_NODELAY INADDR_ANY
    pack_sockaddr_in);

my $port     = $ENV{PORT} || 80;
my $instance = defined $ENV{INSTANCE} && length $ENV{INSTANCE} ? $ENV{INSTANCE} : (POSIX::uname())[1];
my $version  = defined $ENV{VERSION} ? $ENV{VERSION} : '0';
my $echo     = ($ENV{MODE} || 'http') eq 'echo';
my $sick     = $ENV{SICK};
my $slow     = $ENV{SLOW_MS};
my $grace    = (defined $ENV{GRACE_MS} ? $ENV{GRACE_MS} : 1000) / 1000;
my $HEAD_MAX = 65536;
my $ticks    = POSIX::sysconf(&POSIX::_SC_CLK_TCK);
my %reason   = (200 => 'OK', 204 => 'No Content', 400 => 'Bad Request', 404 => 'Not Found',
    500 => 'Internal Server Error', 502 => 'Bad Gateway', 503 => 'Service Unavailable');

my ($term, %conn) = (0);
my ($readable, $writable) = ('', '');
$SIG{TERM} = $SIG{INT} = sub { $term = 1 };
$SIG{PIPE} = 'IGNORE';
$| = 1;

socket(my $listener, AF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
bind($listener, pack_sockaddr_in($port, INADDR_ANY)) or die "bind port $port: $!\n";
listen($listener, 1024) or die "listen: $!\n";
nonblocking($listener);
vec($readable, fileno $listener, 1) = 1;
print "listening on $port as $instance v$version\n";

my $until;    # set while draining: when idle connections are closed
while (1) {
    if ($term && !defined $until) {
        accept_all();
        vec($readable, fileno $listener, 1) = 0;
        close $listener;
        $until = now() + $grace;
        print "stopping\n";
    }
    if (defined $until) {
        if (now() >= $until) { idle($_) && drop($_) for values %conn }
        last unless %conn;
    }
    # The signal may arrive just before select: the bound on the wait is what limits its delay.
    my $wait = 0.1;
    my $now  = now();
    for (values %conn) {
        next unless defined $_->{due};
        my $left = $_->{due} - $now;
        $wait = $left if $left < $wait;
    }
    $wait = 0 if $wait < 0;
    my $n = select(my $r = $readable, my $w = $writable, undef, $wait);
    if ($n > 0) {
        accept_all() if !defined $until && vec($r, fileno $listener, 1);
        for my $c (values %conn) {
            flush_out($c) if vec($w, $c->{fd}, 1);
            next if $c->{gone};
            take($c) if vec($r, $c->{fd}, 1);
        }
    }
    $now = now();
    for my $c (values %conn) {
        next if $c->{gone} || !defined $c->{due} || $c->{due} > $now;
        my $answer = delete $c->{answer};
        delete $c->{due};
        send_out($c, closing($c, $answer->()));
        serve($c) unless $c->{gone};
    }
}
exit 0;

sub now { return (POSIX::times())[0] / $ticks }    # monotonic, in steps of 10 ms

sub nonblocking {
    my ($fh) = @_;
    fcntl($fh, F_SETFL, fcntl($fh, F_GETFL, 0) | O_NONBLOCK) or die "fcntl: $!\n";
}

sub accept_all {
    while (accept(my $fh, $listener)) {
        nonblocking($fh);
        setsockopt($fh, IPPROTO_TCP, TCP_NODELAY, 1);
        my $fd = fileno $fh;
        my $c  = $conn{$fd} = {fh => $fh, fd => $fd, in => '', out => '', mode => $echo ? 'echo' : 'http'};
        vec($readable, $fd, 1) = 1;
        if   ($echo) { send_out($c, "$instance\n") }
        else         { take($c) }    # the request is often there already
    }
}

sub drop {
    my ($c) = @_;
    vec($readable, $c->{fd}, 1) = 0;
    vec($writable, $c->{fd}, 1) = 0;
    $c->{gone} = 1;
    delete $conn{$c->{fd}};
    close $c->{fh};
}

sub idle { my ($c) = @_; return !defined $c->{due} && $c->{out} eq '' }

sub take {
    my ($c) = @_;
    my $n = sysread($c->{fh}, $c->{in}, 65536, length $c->{in});
    if (!defined $n) {
        drop($c) unless $!{EAGAIN} || $!{EINTR};
        return;
    }
    if ($n == 0) {    # the peer has finished sending: it may still read the answer
        return drop($c) if idle($c);
        vec($readable, $c->{fd}, 1) = 0;
        $c->{last} = 1;
        return;
    }
    serve($c);
}

sub serve {
    my ($c) = @_;
    if ($c->{mode} eq 'echo') {
        send_out($c, $1) if $c->{in} =~ s/\A(.*\n)//s;
    }
    elsif ($c->{mode} eq 'ws') { ws_frames($c) }
    else {
        while (!$c->{gone} && !defined $c->{due} && !$c->{last} && $c->{mode} eq 'http') {
            last unless request($c);
        }
    }
}

sub send_out {
    my ($c, $bytes) = @_;
    $c->{out} .= $bytes;
    flush_out($c);
}

sub flush_out {
    my ($c) = @_;
    while (length $c->{out}) {
        my $n = syswrite($c->{fh}, $c->{out});
        if (!defined $n) {
            next if $!{EINTR};
            return drop($c) unless $!{EAGAIN};
            vec($writable, $c->{fd}, 1) = 1;
            return;
        }
        substr($c->{out}, 0, $n) = '';
    }
    vec($writable, $c->{fd}, 1) = 0;
    drop($c) if $c->{last} && !defined $c->{due};
}

# Takes one request off the input and answers it; false when the input holds no whole request.
sub request {
    my ($c) = @_;
    my $end = index($c->{in}, "\r\n\r\n");
    if ($end < 0) {
        if (length $c->{in} > $HEAD_MAX) { $c->{last} = 1; send_out($c, reply($c, 400, "too long\n")) }
        return 0;
    }
    my $head = substr($c->{in}, 0, $end);
    my ($line, @lines) = split /\r\n/, $head;
    my %h;
    for (@lines) { $h{lc $1} = $2 if /^([^:\s]+):\s*(.*?)\s*$/ }

    my $body = substr($c->{in}, $end + 4);
    if (lc($h{'transfer-encoding'} || '') eq 'chunked') {
        while ($body =~ /\A([0-9a-fA-F]*[1-9a-fA-F][0-9a-fA-F]*)[^\r\n]*\r\n/) {
            my $whole = $+[0] + hex($1) + 2;
            return 0 if length $body < $whole;
            substr($body, 0, $whole) = '';
        }
        return 0 unless $body =~ s/\A0+[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n//;
    }
    else {
        my $length = $h{'content-length'} || 0;
        return 0 if length $body < $length;
        $body = substr($body, $length);
    }
    $c->{in} = $body;

    my ($method, $target, $http) = split / /, $line || '';
    $c->{head_only} = ($method || '') eq 'HEAD';
    my $token = lc($h{connection} || '');
    $c->{keep} = ($http || '') eq 'HTTP/1.1' ? $token !~ /\bclose\b/ : $token =~ /\bkeep-alive\b/;
    if (!defined $http) {
        $c->{last} = 1;
        send_out($c, reply($c, 400, "bad request line\n"));
        return 0;
    }
    my ($path, $query) = split /\?/, $target, 2;
    $query = '' unless defined $query;

    if ($path eq '/ws' && lc($h{upgrade} || '') eq 'websocket') {
        my $accept = base64(sha1(($h{'sec-websocket-key'} || '') . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'));
        $c->{mode} = 'ws';
        send_out($c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            . "Sec-WebSocket-Accept: $accept\r\nX-Instance: $instance\r\n\r\n");
        ws_frames($c) unless $c->{gone};
        return 0;
    }

    my ($status, $text) = (200, "$instance v$version $path\n");
    if    ($path eq '/healthz')            { ($status, $text) = $sick ? (500, "sick\n") : (200, "ok\n") }
    elsif ($path eq '/' && $sick)          { ($status, $text) = (500, "sick\n") }
    elsif ($path eq '/headers')            { $text = join '', map { "$_\n" } @lines }
    elsif ($path =~ m{^/status/(\d{3})$})  { ($status, $text) = ($1, "status $1\n") }
    elsif ($path =~ m{^/env/(\w+)$})       { $text = (defined $ENV{$1} ? $ENV{$1} : '') . "\n" }
    my $late = $path eq '/slow' && $query =~ /(?:^|&)ms=(\d+)/ ? $1 : $path eq '/' ? $slow : undef;
    if (defined $late) {
        $c->{due} = now() + $late / 1000 + 1 / $ticks;
        $c->{answer} = sub { reply($c, $status, $text) };
        return 0;
    }
    send_out($c, closing($c, reply($c, $status, $text)));
    return 1;
}

sub closing { my ($c, $answer) = @_; $c->{last} = 1 unless $c->{keep}; return $answer }

sub reply {
    my ($c, $status, $text) = @_;
    $c->{keep} = 0 if $term || $c->{last};
    my $none = $status == 204 || $status == 304;
    return "HTTP/1.1 $status " . ($reason{$status} || 'Status') . "\r\n"
        . "Content-Type: text/plain\r\n"
        . ($none ? '' : 'Content-Length: ' . length($text) . "\r\n")
        . "X-Instance: $instance\r\nX-Version: $version\r\n"
        . 'Connection: ' . ($c->{keep} ? 'keep-alive' : 'close') . "\r\n\r\n"
        . ($none || $c->{head_only} ? '' : $text);
}

# RFC 6455: whole frames come masked; they go back as they were, unmasked.
sub ws_frames {
    my ($c) = @_;
    while (!$c->{gone} && length $c->{in} >= 2) {
        my ($first, $second) = unpack 'CC', $c->{in};
        my ($length, $at) = ($second & 127, 2);
        if    ($length == 126) { return if length $c->{in} < 4;  ($length, $at) = (unpack('x2n', $c->{in}), 4) }
        elsif ($length == 127) { return if length $c->{in} < 10; ($length, $at) = (unpack('x2Q>', $c->{in}), 10) }
        my $masked = $second & 128;
        my $whole  = $at + ($masked ? 4 : 0) + $length;
        return if length $c->{in} < $whole;
        my $data = substr($c->{in}, $whole - $length, $length);
        if ($masked) {
            my $mask = substr($c->{in}, $at, 4);
            $data ^= substr($mask x (1 + $length / 4), 0, $length);
        }
        substr($c->{in}, 0, $whole) = '';
        my $opcode = $first & 15;
        next if $opcode == 10;
        $first = ($first & 0xF0) | 10 if $opcode == 9;
        $c->{last} = 1 if $opcode == 8;
        my $size = $length < 126 ? pack('C', $length)
            : $length < 65536 ? pack('Cn', 126, $length) : pack('CQ>', 127, $length);
        send_out($c, pack('C', $first) . $size . $data);
    }
}

# RFC 3174; Digest::SHA is not in perl-base.
sub sha1 {
    my ($text) = @_;
    my $bits = 8 * length $text;
    $text .= "\x80";
    $text .= "\0" while length($text) % 64 != 56;
    $text .= pack 'Q>', $bits;
    my @h = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0);
    for my $block (unpack '(a64)*', $text) {
        my @w = unpack 'N16', $block;
        push @w, rol($w[-3] ^ $w[-8] ^ $w[-14] ^ $w[-16], 1) while @w < 80;
        my ($a, $b, $c, $d, $e) = @h;
        for my $t (0 .. 79) {
            my ($f, $k)
                = $t < 20 ? (($b & $c) | (~$b & 0xFFFFFFFF & $d), 0x5A827999)
                : $t < 40 ? ($b ^ $c ^ $d, 0x6ED9EBA1)
                : $t < 60 ? (($b & $c) | ($b & $d) | ($c & $d), 0x8F1BBCDC)
                :           ($b ^ $c ^ $d, 0xCA62C1D6);
            ($a, $b, $c, $d, $e)
                = ((rol($a, 5) + $f + $e + $k + $w[$t]) & 0xFFFFFFFF, $a, rol($b, 30), $c, $d);
        }
        my @add = ($a, $b, $c, $d, $e);
        $h[$_] = ($h[$_] + $add[$_]) & 0xFFFFFFFF for 0 .. 4;
    }
    return pack 'N5', @h;
}

sub rol { my ($x, $n) = @_; return (($x << $n) | ($x >> (32 - $n))) & 0xFFFFFFFF }

sub base64 {
    my ($bytes) = @_;
    my $text = pack 'u', $bytes;
    $text =~ s/^.//mg;
    $text =~ s/\n//g;
    $text =~ tr{` -_}{AA-Za-z0-9+/};
    my $pad = (3 - length($bytes) % 3) % 3;
    substr($text, -$pad) = '=' x $pad if $pad;
    return $text;
}
