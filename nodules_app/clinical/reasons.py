"""Why an answer is what it is: a code with its facts, written out in English or Chinese.

Answers carry codes and facts, never sentences, so that a stored answer can be read in either language and a page
can show the facts its own way.
"""

# ruff: noqa: E501 - one sentence in two languages is one line here

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Language = Literal["en", "zh"]


class Reason(NamedTuple):
    """One fact that was used."""

    code: str
    facts: Mapping[str, object] = MappingProxyType({})


def because(code: str, **facts: object) -> Reason:
    """A reason; its facts are named in the sentences below."""
    return Reason(code, facts)


SENTENCES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "no_nodule": ("No nodule is present at this exam.", "本次检查未见结节。"),
        "all_resolved": ("All earlier nodules have resolved.", "既往结节均已消失。"),
        "setting": ("The CT was made for: {setting}.", "CT检查目的:{setting}。"),
        "age_below": ("Age {age} is below {limit}.", "年龄{age}岁,低于{limit}岁。"),
        "age_unknown": ("The age is not known; the guideline is read as if it applied.", "年龄未知,按适用处理。"),
        "known_cancer": ("A primary cancer is known.", "已知原发恶性肿瘤。"),
        "immunosuppressed": ("The patient is immunosuppressed.", "患者免疫抑制。"),
        "mass": ("{size_mm} mm, reported {rounded_mm}: larger than 30 mm.", "{size_mm} mm,报告值{rounded_mm}:大于30 mm。"),
        "proven": ("The nodule is proven malignant.", "结节已证实为恶性。"),
        "benign": ("Benign calcification or fat.", "良性钙化或含脂肪。"),
        "perifissural": ("Typical perifissural or subpleural nodule: {shape}, smooth.", "典型叶间裂或胸膜下结节:{shape},边缘光滑。"),
        "perifissural_void": ("Perifissural, but a cancer history makes that rule void.", "位于叶间裂旁,但有肿瘤病史,该规则不适用。"),
        "unmeasured": ("No size is given that this guideline can use.", "未提供该指南可用的尺寸。"),
        "family": ("{count} {family} nodule(s) count.", "{family}结节计{count}个。"),
        "mean_rounded": ("Mean diameter {size_mm} mm, rounded {rounded_mm}: class {size_class}.", "平均直径{size_mm} mm,四舍五入{rounded_mm}:{size_class}级。"),
        "mean_reported": ("Mean diameter {size_mm} mm, reported {rounded_mm}.", "平均直径{size_mm} mm,报告值{rounded_mm}。"),
        "mean_raw": ("Mean diameter {size_mm} mm, not rounded.", "平均直径{size_mm} mm,不取整。"),
        "largest_raw": ("Largest diameter {size_mm} mm.", "最大径{size_mm} mm。"),
        "volume": ("Volume {volume_mm3} mm3.", "体积{volume_mm3} mm³。"),
        "volume_class": ("Volume {volume_mm3} mm3: class {size_class}.", "体积{volume_mm3} mm³:{size_class}级。"),
        "solid_rounded": ("Solid component {size_mm} mm, rounded {rounded_mm}.", "实性成分{size_mm} mm,四舍五入{rounded_mm}。"),
        "solid_reported": ("Solid component {size_mm} mm, reported {rounded_mm}.", "实性成分{size_mm} mm,报告值{rounded_mm}。"),
        "solid_volume": ("Solid component {volume_mm3} mm3.", "实性成分{volume_mm3} mm³。"),
        "solid_unknown": ("The solid component is not measured.", "实性成分未测量。"),
        "short_axis_size": ("Pleural-based: short axis {size_mm} mm.", "胸膜附着:短径{size_mm} mm。"),
        "largest_in_family": ("The class of the family is {size_class}.", "该组最大级别为{size_class}。"),
        "risk": ("Risk {risk}.", "风险{risk}。"),
        "risk_override": ("Risk {risk} by the clinician.", "临床医生判定风险{risk}。"),
        "risk_major": ("High risk: {factor}.", "高风险因素:{factor}。"),
        "risk_minor": ("Weaker risk factor: {factor}.", "次要风险因素:{factor}。"),
        "risk_unknown": ("Smoking status is not known: risk read as high.", "吸烟状态未知:按高风险处理。"),
        "suspicious_part_solid": ("Lobulated margin or cystic components in a part-solid nodule.", "部分实性结节边缘分叶或含囊性成分。"),
        "partial": ("The exam shows only part of the chest.", "检查仅覆盖部分胸部。"),
        "stable_for": ("No growth over {months} whole months.", "{months}个整月内无增长。"),
        "since_baseline": ("{months} whole months since {baseline}.", "自{baseline}起{months}个整月。"),
        "exam_label": ("{months} whole months since {baseline}: read as the {label} CT.", "自{baseline}起{months}个整月:视为{label}复查。"),
        "grew_mm": ("{earlier_mm} mm on {earlier_on}, now {now_mm} mm: growth.", "{earlier_on}为{earlier_mm} mm,现为{now_mm} mm:增长。"),
        "same_mm": ("{earlier_mm} mm on {earlier_on}, now {now_mm} mm: no growth.", "{earlier_on}为{earlier_mm} mm,现为{now_mm} mm:无增长。"),
        "grew_volume": ("Volume {percent} % since {earlier_on}: growth.", "自{earlier_on}体积变化{percent}%:增长。"),
        "same_volume": ("Volume {percent} % since {earlier_on}: no growth.", "自{earlier_on}体积变化{percent}%:无增长。"),
        "solid_grew": ("The solid component grew.", "实性成分增大。"),
        "solid_developed": ("A solid component appeared in a ground-glass nodule.", "磨玻璃结节内出现实性成分。"),
        "not_comparable": ("The earlier measurement cannot be compared.", "既往测量无法比较。"),
        "series_growth_throughout": ("Growth over {count} measurements in {days} days, never smaller.", "{count}次测量({days}天)持续增长,从未缩小。"),
        "series_growth_with_setback": ("Growth from the first to the last of {count} measurements in {days} days, smaller in between.", "{count}次测量({days}天)首末相比增长,其间曾缩小。"),
        "series_slow_growth": ("Growth from the first to the last of {count} measurements in {days} days that no single step shows.", "{count}次测量({days}天)首末相比增长,但相邻两次均未达增长标准。"),
        "series_growth_not_kept": ("A step of growth among {count} measurements in {days} days, none from the first to the last.", "{count}次测量({days}天)中曾有增长,但首末相比无增长。"),
        "series_decrease": ("Smaller from the first to the last of {count} measurements in {days} days.", "{count}次测量({days}天)首末相比缩小。"),
        "series_stable": ("No growth over {count} measurements in {days} days.", "{count}次测量({days}天)无增长。"),
        "series_unknown": ("The first and the last of {count} measurements in {days} days cannot be compared.", "{count}次测量({days}天)首末无法比较。"),
        "vdt": ("Volume doubling time {days} days.", "体积倍增时间{days}天。"),
        "schedule": ("Schedule of {rule}; next step not before {earliest} months from {baseline}.", "按{rule}方案;下一步不早于自{baseline}起{earliest}个月。"),
        "schedule_done": ("All steps of the schedule are done.", "随访方案各步均已完成。"),
        "status": ("Status: {status}.", "状态:{status}。"),
        "status_stated": ("Status stated by the reader: {status}.", "阅片者判定状态:{status}。"),
        "slow_growth": ("{first_mm} mm to {last_mm} mm over {count} measurements, never smaller: slow growth.", "{count}次测量由{first_mm} mm增至{last_mm} mm且从未缩小:缓慢增长。"),
        "previous": ("Previous category {category} on {on}.", "{on}的既往分类为{category}。"),
        "step": ("{months} whole months later: step down.", "已满{months}个月:可降级。"),
        "too_early": ("{months} whole months later: too early for a step.", "仅{months}个月:降级过早。"),
        "crossed": ("The size crossed a threshold: {earlier} to {now}.", "尺寸越过阈值:由{earlier}到{now}。"),
        "incomplete": ("The exam cannot be classified yet: {what}.", "检查暂无法分类:{what}。"),
        "infection_overridden": ("Suspected infection was overridden by the reader.", "阅片者否决了疑似感染。"),
        "workup_benign": ("Proven benign after work-up.", "进一步检查证实为良性。"),
        "juxtapleural": ("Smooth {shape} nodule at the pleura, below 10 mm.", "胸膜旁光滑{shape}结节,小于10 mm。"),
        "airway": ("Airway nodule: {airway}.", "气道结节:{airway}。"),
        "secretions": ("Features of secretions.", "具有分泌物特征。"),
        "persists": ("It persists since an earlier exam.", "自既往检查持续存在。"),
        "cyst": ("Atypical cyst: wall {wall}, multilocular {multilocular}, change {change}.", "非典型囊腔:壁{wall},多房{multilocular},变化{change}。"),
        "suspicious": ("Additional suspicious feature: {feature}.", "附加可疑征象:{feature}。"),
        "brock": ("Brock 2b {percent} %.", "Brock 2b {percent}%。"),
        "brock_unknown": ("Brock 2b cannot be computed.", "无法计算Brock 2b。"),
        "pet_ignored": ("The PET result plays no part below 10 % Brock.", "Brock低于10%时不采用PET结果。"),
        "herder": ("PET uptake {uptake}: Herder {percent} %.", "PET摄取{uptake}:Herder {percent}%。"),
        "mayo": ("Mayo {percent} %.", "Mayo {percent}%。"),
        "mayo_unknown": ("The Mayo probability cannot be computed.", "无法计算Mayo概率。"),
        "high_risk_person": ("High-risk person: {factor}.", "高危人群:{factor}。"),
        "no_solid": ("There is no solid nodule.", "无实性结节。"),
        "measurement_error": ("The stated measurement error allows other answers.", "所述测量误差允许其他结论。"),
        "not_implemented": ("This guideline is known but its tables are not part of this program.", "已知该指南,但本程序未收录其表格。"),
        "unverified": ("This row rests on memory and was not verified.", "该条未经核实。"),
    }
)  # fmt: skip


def sentence(reason: Reason, language: Language = "en") -> str:
    """Write a reason out."""
    english, chinese = SENTENCES[reason.code]
    facts = {name: plain(value) for name, value in reason.facts.items()}
    return (english if language == "en" else chinese).format(**facts)


def plain(value: object) -> object:
    """A decimal without exponent or trailing zeros beyond what it was given with."""
    return format(value, "f") if isinstance(value, Decimal) else value
