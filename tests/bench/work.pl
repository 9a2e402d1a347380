# SPDX-License-Identifier: MIT
# What a small script does with a text: match, count, replace, sort.
use strict;
use warnings;

my $seed = 1;
my $text = '';
for my $line (1 .. 600) {
	for (1 .. 9) {
		$seed = ($seed * 1103515245 + 12345) % 2147483648;
		$text .= substr 'abcdefghijklmnopqrstuvwxyz', $seed % 19, 2 + $seed % 7;
		$text .= $_ % 9 ? ' ' : "\n";
	}
}
my (%times, $long, $odd);
for my $turn (1 .. $ARGV[0]) {
	$times{$1}++ while $text =~ /\b(\w+)\b/g;
	$long = () = $text =~ /^.{40,}$/mg;
	$odd = ($text =~ tr/acegikmoqsuwy//);
	(my $copy = $text) =~ s/([aeiou])(\w)/$2$1/g;
	$text = lc $copy if $turn % 2;
}
my @best = sort { $times{$b} <=> $times{$a} || $a cmp $b } keys %times;
print "$best[0] $times{$best[0]} $long $odd ", scalar @best, "\n";
