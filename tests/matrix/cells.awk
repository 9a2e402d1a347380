# SPDX-License-Identifier: MIT
#
# cells.awk - the cells of the matrix, and what each is to come to
#
#	awk -v arch=... -v methods=... -v linkers=... -v compilers=... \
#		-v places=... -v choose=0|NR -v seed=NR -f cells.awk
#
# One line a cell, fields apart by tabs:
#
#	number method linker compiler output place want words
#
# want	works, or what tells an impossible one:
#	link:TEXT	the link fails, and says TEXT
#	run:TEXT	the program fails, and says TEXT
#	alone		it does not link without hooks either
#	dies		the same, or what was linked dies
#	refused:TEXT	"mallochooks run" says TEXT; by LD_PRELOAD the program
#			runs, and nothing is seen
# words	for the program: whose calls are seen (calls.c)
#
# choose=0: all.  Else at least so many cells that any two values meet in one that
# works, if they can; each method, linker and output in one; each kind of
# impossible cell with each linker in one; and beyond that as many triples of
# values as NR cells allow.  The seed decides between equals.

function fill(name, words,	n, i, list)
{
	n = split(words, list, " ")
	for (i = 1; i <= n; i++)
		value[name, i] = list[i]
	return n
}

# ---- what a cell comes to ---------------------------------------------------

function is_static() { return output ~ /^static/ }
function is_outside() { return place ~ /_(so|dso)$/ }
function is_own() { return place !~ /libc|jemalloc/ }

function expectation()
{
	# gcc 12 and clang 14 tell it a word that it does not know
	if (linker == "gold" && output == "static_pie")
		return "link:no-dynamic-linker: unknown option"
	if (is_static() && is_outside())
		return linker ~ /mold|gold/ ? "dies" : "alone"
	# libc.a's malloc.o comes for what the small one lacks
	if (method ~ /wrap/ && linker == "lld" && is_static() && place == "part")
		return "alone"
	if (method == "wrapdl" && is_static())
		return linker == "mold" || output == "static_pie" ? \
			"run:no loaded object exports it" : "link:_DYNAMIC"
	if (method == "replace" && (is_outside() || (place == "libc" && !is_static())))
		return "link:no object of this link defines malloc"
	if (method == "preload" && is_static())
		return "refused:is static, so nothing can be preloaded"
	if (method == "preload" && output != "dso" && place != "libc" && !is_outside())
		return "refused:brings its own malloc"
	return "works"
}

function word(name, is_seen) { words = words " " name "=" (is_seen ? 1 : 0) }

# lld wraps within the defining object too, where the assembler has left a
# relocation: gas for x86_64 leaves none of a tail call in code without PLT.
function who(	all, hooked, within)
{
	words = ""
	hooked = want !~ /^refused/
	all = method ~ /replace|preload/ && hooked
	within = all || (linker == "lld" && !is_outside())
	word("here", hooked && (within || place != "same"))
	if (is_own()) {
		word("own", within && hooked)
		word("tail", all || (within && hooked && \
			(arch != "x86_64" || compiler ~ /clang/ || output == "dso")))
	}
	if (!is_static())
		word("dso", all)
	word("libc", all || (is_static() && hooked))
	if (!is_static())
		word("dlsym", all)
	word("array", method != "replace" || place != "jemalloc_a" || is_static())
	word("inits", hooked)
	if (place ~ /jemalloc/)
		words = words " usable=112"
	if (place == "libc")
		words = words " usable=104"
	return substr(words, 2)
}

# ---- the choice -------------------------------------------------------------

# The same numbers from every awk.
function random(n)
{
	state = (state * 16807) % 2147483647
	return state % n
}

# What a cell would add: pairs and the like count before triples.
function gain(cell,	i, n, keys, sum)
{
	n = split(first[cell], keys, "\t")
	for (i = 1; i <= n; i++)
		sum += !(keys[i] in met) * 100
	n = split(then[cell], keys, "\t")
	for (i = 1; i <= n; i++)
		sum += !(keys[i] in met)
	return sum
}

function take(cell,	i, n, keys)
{
	chosen[cell] = 1
	nr_chosen++
	n = split(first[cell], keys, "\t")
	for (i = 1; i <= n; i++)
		if (!(keys[i] in met)) {
			met[keys[i]] = 1
			wanted--
		}
	n = split(then[cell], keys, "\t")
	for (i = 1; i <= n; i++)
		met[keys[i]] = 1
}

# Of a sample; when that has nothing that must be, of all.
function best(size,	i, cell, is, most, found)
{
	most = -1
	for (i = 0; i < size; i++) {
		cell = size < nr ? random(nr) + 1 : i + 1
		if (cell in chosen)
			continue
		is = gain(cell)
		if (is > most) {
			most = is
			found = cell
		}
	}
	if (most < 100 && wanted && size < nr)
		return best(nr)
	return found
}

# What must be met by cells that work, and what else is good to have.
function remember(cell,	i, j, k, at, key)
{
	split(method " " linker " " compiler " " output " " place, at, " ")
	if (want != "works") {
		first[cell] = linker " " want
		count(first[cell])
		then[cell] = method " " linker " " want " " output "\t" \
			method " " want " " place
		return
	}
	for (i = 1; i <= 5; i++)
		for (j = i + 1; j <= 5; j++) {
			key = at[i] " " at[j]
			first[cell] = first[cell] (first[cell] ? "\t" : "") key
			count(key)
			for (k = j + 1; k <= 5; k++) {
				key = at[i] " " at[j] " " at[k]
				then[cell] = then[cell] (then[cell] ? "\t" : "") key
			}
		}
	key = method " " linker " " output
	first[cell] = first[cell] "\t" key
	count(key)
}

function count(key)
{
	if (!(key in needed)) {
		needed[key] = 1
		wanted++
	}
}

BEGIN {
	nr_methods = fill("method", methods)
	nr_linkers = fill("linker", linkers)
	nr_compilers = fill("compiler", compilers)
	nr_outputs = fill("output", "exe pie static static_pie dso")
	nr_places = fill("place", places)
	state = seed % 2147483646 + 1
	for (m = 1; m <= nr_methods; m++)
	for (l = 1; l <= nr_linkers; l++)
	for (o = 1; o <= nr_outputs; o++)
	for (p = 1; p <= nr_places; p++)
	for (c = 1; c <= nr_compilers; c++) {
		method = value["method", m]
		linker = value["linker", l]
		compiler = value["compiler", c]
		output = value["output", o]
		place = value["place", p]
		want = expectation()
		line[++nr] = method "\t" linker "\t" compiler "\t" output "\t" \
			place "\t" want "\t" who()
		if (choose)
			remember(nr)
	}
	while (choose && nr_chosen < nr && (wanted || nr_chosen < choose))
		take(best(200 < nr ? 200 : nr))
	for (i = 1; i <= nr; i++)
		if (!choose || i in chosen)
			print i "\t" line[i]
}
