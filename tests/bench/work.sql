-- SPDX-License-Identifier: MIT
-- A table, an index, a join, a sort.
create table word (id integer primary key, text, length);
with recursive n (i) as (select 1 union all select i + 1 from n where i < 6000)
insert into word select i, printf('%x-%d', i * 2654435761 % 65536, i), i % 17 from n;
create index word_text on word (text);
select count(*), sum(a.length) from word a join word b on b.text = a.text;
select length, group_concat(text) from (select * from word order by text desc)
	group by length order by length limit 3;
update word set text = upper(text) where length > 8;
delete from word where id % 3 = 0;
select count(*), max(text) from word;
